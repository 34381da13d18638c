/** The live page: the list of batches, or the one that the address names. */
import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './theme/tokens.css';
import './theme/base.css';
import './theme/page.css';
import './list/list.css';
import './batch/batch.css';
import { BatchPage } from './batch/batch-page.tsx';
import { ListPage } from './list/list-page.tsx';
import { batchIdOf, useAddress } from './parts/navigation.tsx';

function Page() {
  const address = useAddress();
  const batchId = batchIdOf(address);
  return batchId === undefined ? <ListPage address={address} /> : <BatchPage key={batchId} batchId={batchId} />;
}

const host = document.getElementById('page');
if (host !== null) {
  host.replaceChildren();
  render(<Page />, host);
}
