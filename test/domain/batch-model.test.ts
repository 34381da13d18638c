import { BatchModel } from '../support/batch/batch-model.ts';
import { describeBatchSystem } from '../support/batch/batch-suite.ts';

const model = new BatchModel();

describeBatchSystem('the model of batches', { system: () => model, propertyRuns: 1_000, propertyMsMax: 30_000 });
