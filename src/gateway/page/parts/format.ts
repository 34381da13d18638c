/** Numbers and times as people read them, the same everywhere on the page. */

const NARROW_SPACE = '\u202f';
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** `12 345`. */
export function countText(value: number): string {
  return whole.format(value).replaceAll(',', NARROW_SPACE);
}

/** The service counts no further than its limit, which stands for that many or more. */
export function cappedText(value: number, max: number): string {
  return value >= max ? `${countText(max)}+` : countText(value);
}

export function rateText(perSecond: number): string {
  if (perSecond === 0) return '0';
  if (perSecond >= 10) return `${countText(Math.round(perSecond))}/s`;
  if (perSecond >= 1) return `${perSecond.toFixed(1)}/s`;
  return `${(perSecond * 60).toFixed(perSecond * 60 >= 10 ? 0 : 1)}/min`;
}

/** `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const units: readonly (readonly [name: string, seconds: number])[] = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => seconds >= size);
  const [[large, largeSize], [small, smallSize]] = [units[first] ?? ['s', 1], units[first + 1] ?? ['s', 1]];
  const rest = Math.floor((seconds % largeSize) / smallSize);
  return `${Math.floor(seconds / largeSize)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

/** With the day where it is not today. */
export function timeText(timestampMs: number): string {
  const isToday = new Date(timestampMs).toDateString() === new Date().toDateString();
  return (isToday ? clock : day).format(timestampMs);
}

export function preciseTimeText(timestampMs: number): string {
  return `${day.format(timestampMs)}.${String(new Date(timestampMs).getMilliseconds()).padStart(3, '0')}`;
}
