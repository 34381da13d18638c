/** Loaded before a program: at SIGUSR2 its wall clock is set CLOCK_STEP_MS ahead (or back, where that is negative). */
const RealDate = Date;
let offsetMs = 0;

globalThis.Date = class SteppedDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + offsetMs);
    else super(...args);
  }

  static now() {
    return RealDate.now() + offsetMs;
  }
};

process.on('SIGUSR2', () => {
  offsetMs = Number(process.env.CLOCK_STEP_MS);
  process.stdout.write(`${JSON.stringify({ msg: 'clock set', now: new Date().toISOString() })}\n`);
});
