/**
 * Files that wait for real servers first, the largest before the others: what takes long would otherwise begin when
 * nothing is left to run beside it.
 */
const Sequencer = require('@jest/test-sequencer').default;

module.exports = class TestOrder extends Sequencer {
  sort(tests) {
    const isIntegration = ({ path }) => path.endsWith('.integration.test.ts');
    const bySize = super.sort(tests);
    return [...bySize.filter(isIntegration), ...bySize.filter((test) => !isIntegration(test))];
  }
};
