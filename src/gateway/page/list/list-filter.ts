/** Which batches are asked for: what the address says, and nothing else. */
export const FILTER_NAMES = ['q', 'state', 'course', 'owner'] as const;
export type FilterName = (typeof FILTER_NAMES)[number];
export type ListFilter = Readonly<Record<FilterName, string>>;

export function filterOf({ searchParams }: URL): ListFilter {
  const value = (name: FilterName) => searchParams.get(name)?.trim() ?? '';
  return { q: value('q'), state: value('state'), course: value('course'), owner: value('owner') };
}

export function queryOf(filter: ListFilter): string {
  const given = FILTER_NAMES.filter((name) => filter[name] !== '').map((name) => [name, filter[name]]);
  return new URLSearchParams(given).toString();
}
