/** Numbers and times as people read them; the same in terminal, page and plot. Pure, and runs in a browser. */

const THIN_SPACE = '\u202f';
/** Beyond it people count in days. */
const HOURS_MAX = 48;
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Four significant digits, groups of three set apart: `12 345`, `0.1235`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const rounded = Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(4));
  const [whole = '', fraction] = String(rounded).split('.');
  const grouped = whole.includes('e') ? whole : whole.replace(/\B(?=(\d{3})+$)/g, THIN_SPACE);
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** With its unit; bytes, seconds and milliseconds in the unit that suits their size. */
export function formatUnit(value: number, unit: string): string {
  if (!Number.isFinite(value)) return '–';
  if (unit === 'bytes') return formatBytes(value);
  if (unit === 'ms') return formatDuration(value);
  if (unit === 's') return value === 0 ? '0 s' : formatDuration(value * 1_000);
  const number = formatNumber(value);
  if (unit === '') return number;
  return unit === '%' ? `${number}%` : `${number} ${unit}`;
}

export function formatBytes(value: number): string {
  let scaled = value;
  let at = 0;
  while (Math.abs(scaled) >= 1_024 && at < BYTE_UNITS.length - 1) {
    scaled /= 1_024;
    at++;
  }
  return `${Number(scaled.toPrecision(3))} ${BYTE_UNITS[at] ?? ''}`;
}

/** From milliseconds: `0.12 ms`, `3.4 s`, `12 min 5 s`, `14 days`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  const size = Math.abs(ms);
  if (size < 1_000) return `${Number(ms.toPrecision(3))} ms`;
  if (size < 60_000) return `${Number((ms / 1_000).toPrecision(3))} s`;
  const seconds = Math.round(ms / 1_000);
  if (size < 3_600_000) return twoUnits(seconds, 60, 'min', 's');
  if (size < HOURS_MAX * 3_600_000) return twoUnits(Math.trunc(seconds / 60), 60, 'h', 'min');
  return twoUnits(Math.trunc(seconds / 3_600), 24, 'days', 'h');
}

function twoUnits(value: number, size: number, large: string, small: string): string {
  const rest = value % size;
  return `${Math.trunc(value / size)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

/** `1 problem`, `3 problems`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatNumber(count)} ${count === 1 ? noun : plural}`;
}
