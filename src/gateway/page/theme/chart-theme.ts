/** Colours of charts for the light or the dark page. Series differ in dash too, never in colour alone. */

export interface Theme {
  readonly text: string;
  readonly grid: string;
  readonly series: readonly string[];
  readonly faultFill: string;
  readonly faultHatch: string;
  readonly phaseLine: string;
}

/** Okabe and Ito's colours, told apart by colour-blind eyes; darkened or lightened to stand out from the page. */
export const LIGHT: Theme = {
  text: '#4a5461',
  grid: '#e3e7ec',
  series: ['#0067a5', '#c24e00', '#00795c', '#a3487f', '#8a6d00', '#2f7fb8', '#555d68'],
  faultFill: 'rgba(194, 78, 0, 0.08)',
  faultHatch: 'rgba(194, 78, 0, 0.28)',
  phaseLine: '#9aa4b1',
};

export const DARK: Theme = {
  text: '#a9b4c2',
  grid: '#2a323c',
  series: ['#56b4e9', '#f2a03d', '#2fc79b', '#e08fc0', '#f0e442', '#8ea9ff', '#c3ccd6'],
  faultFill: 'rgba(242, 160, 61, 0.10)',
  faultHatch: 'rgba(242, 160, 61, 0.34)',
  phaseLine: '#5f6b79',
};

/** Canvas dashes and the CSS border style that stands for each in the legend. */
export const DASHES = [
  { canvas: [], css: 'solid' },
  { canvas: [7, 4], css: 'dashed' },
  { canvas: [2, 3], css: 'dotted' },
  { canvas: [12, 3, 2, 3], css: 'double' },
] as const;

const dark = window.matchMedia('(prefers-color-scheme: dark)');
const print = window.matchMedia('print');

/** Paper is light whatever the screen is. */
export function currentTheme(): Theme {
  return dark.matches && !print.matches ? DARK : LIGHT;
}

/** Answers how to end it. */
export function onThemeChange(redraw: () => void): () => void {
  dark.addEventListener('change', redraw);
  return () => dark.removeEventListener('change', redraw);
}
