/** A figure over something that varies: what is measured at each of a list of points, and how points are told apart. */

import type { Stack } from '../../stack/stack.ts';
import type { BacklogShape } from '../backlog.ts';
import type { Release } from '../builds.ts';
import type { Surroundings } from '../contestants/catalogue.ts';
import type { Meter } from '../meter.ts';

export interface Figure {
  readonly name: string;
  /** As formatUnit knows them. */
  readonly unit: string;
}

export interface Shape {
  readonly name: string;
  readonly about: string;
  /** What varies. */
  readonly xTitle: string;
  readonly figures: readonly Figure[];
  points(bench: ShapeBench): Promise<readonly Point[]>;
}

export interface Point {
  readonly series: string;
  readonly x: number;
  measure(): Promise<Measured>;
}

export interface Measured {
  /** Parallel to the figures. */
  readonly values: readonly number[];
  /** Sentences on what came out wrong. */
  readonly problems: readonly string[];
}

/** What every shape is measured with. */
export interface ShapeBench {
  readonly stack: Stack;
  readonly around: Surroundings;
  readonly release: Release | null;
  readonly meter: Meter;
  readonly backlog: BacklogShape;
  /** Shorter and without the largest points. */
  readonly isQuick: boolean;
}
