/**
 * Events of a type that is none of ours: they may share a topic with ours and are passed over, but a type that somebody
 * misspelt looks the same, and nobody would be told. Each type is warned about once in the life of a process, and all
 * are counted. What producers write there is unbounded: so many types get a name of their own, the rest is `other`.
 */
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Decoded } from './decode.ts';

const TYPES_MAX = 20;
const NAME_LENGTH_MAX = 100;
const OTHER = 'other';

export class UnknownEvents {
  private readonly deps: { readonly metrics: Metrics; readonly log: Logger };
  private readonly types = new Set<string>();

  constructor(deps: UnknownEvents['deps']) {
    this.deps = deps;
  }

  passOver(ignored: Extract<Decoded, { kind: 'ignored' }>, { topic }: { readonly topic: string }): 'ignored' {
    if (ignored.why === 'unknown_event_type') this.note(ignored.eventType, topic);
    return 'ignored';
  }

  private note(eventType: string, topic: string): void {
    const name = eventType.replaceAll(/[^\w.:/-]/g, '?').slice(0, NAME_LENGTH_MAX);
    const isNew = !this.types.has(name);
    const isNamed = !isNew || this.types.size < TYPES_MAX;
    this.deps.metrics.unknownEvents.inc({ event_type: isNamed ? name : OTHER });
    if (!isNew || !isNamed) return;
    this.types.add(name);
    this.deps.log.warn({ eventType: name, topic }, 'events of an unknown type are passed over');
  }
}
