/**
 * Topic names of the contract. `event_type` on the wire is always one of these names, whatever prefix a deployment
 * puts before its topics.
 */
export const EVENT_TYPES = {
  registration: 'huleedu.batch.essays.registered.v1',
  content: 'huleedu.file.essay.content.provisioned.v1',
  failure: 'huleedu.file.essay.validation.failed.v1',
  slotAssigned: 'huleedu.els.essay.slot.assigned.v1',
  excess: 'huleedu.els.excess.content.provisioned.v1',
  completed: 'huleedu.batch.content.provisioning.completed.v1',
} as const;

export type EventName = keyof typeof EVENT_TYPES;

export const INBOUND: readonly EventName[] = ['registration', 'content', 'failure'];
export const OUTBOUND: readonly EventName[] = ['slotAssigned', 'excess', 'completed'];

export type Topics = Readonly<Record<EventName, string>>;

/** The topics of one deployment: contract names behind an optional prefix (`''` by default). */
export function topicsFor(prefix: string): Topics {
  const named = Object.entries(EVENT_TYPES).map(([name, type]) => [name, `${prefix}${type}`]);
  return Object.fromEntries(named) as Topics;
}

/** Where records of a topic go that cannot be processed. */
export function deadLetterTopic(topic: string): string {
  return `${topic}.DLQ`;
}

/** The contract's name of a topic of this deployment, dead-letter topics included: the closed set for metric labels. */
export function contractTopic(prefix: string, topic: string): string {
  return topic.startsWith(prefix) ? topic.slice(prefix.length) : topic;
}
