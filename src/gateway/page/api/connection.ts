/** How current what is shown is. */

export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** Tries again at `retryAtMs`; since `sinceMs` nothing is known to be as it is shown. */
  | { readonly kind: 'away'; readonly retryAtMs: number; readonly sinceMs: number }
  /** Nobody looks. */
  | { readonly kind: 'paused' };
