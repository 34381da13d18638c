/**
 * What this program calls itself, on every surface. The version is that of package.json; a test holds them together.
 */
export const SERVICE = 'essay-lifecycle-service';
export const VERSION = '0.1.0';
