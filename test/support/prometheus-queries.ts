/** Reads PromQL as far as tests need it: which metrics a query names. */

/** Names of metrics: words that are neither function, keyword nor label. */
export function metricsIn(query: string): string[] {
  const bare = query
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
    .replace(/\{[^}]*\}/g, ' ')
    .replace(/\[[^\]]*\]/g, ' ');
  const words = bare.match(/[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])/g) ?? [];
  return [...new Set(words.filter((word) => !KEYWORDS.has(word)))];
}

const KEYWORDS = new Set(['by', 'or', 'and', 'unless', 'bool', 'offset', 'h', 'm', 's', 'sum', 'max', 'count', 'min']);
