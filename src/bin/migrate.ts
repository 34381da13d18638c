/** Applies migrations and exits: `els migrate up` as a job of its own, never part of a worker's start. */
process.argv.splice(2, 0, 'migrate', 'up');
await import('./admin.ts');

export {};
