/** In place of what cannot be shown: what is the matter, and what can be done. */
import type { ComponentChildren } from 'preact';

export interface NoticeProps {
  readonly sign: string;
  readonly title: string;
  readonly children: ComponentChildren;
  readonly isAlert?: boolean;
}

export function Notice({ sign, title, children, isAlert = false }: NoticeProps) {
  return (
    <section class="notice" role={isAlert ? 'alert' : 'status'}>
      <p class="notice-sign" aria-hidden="true">
        {sign}
      </p>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div class="loading" role="status">
      Asking for {what}…
    </div>
  );
}

export function CannotTell() {
  return (
    <Notice sign="↻" title="The gateway cannot tell now" isAlert>
      <p>It does not answer, or its database does not. This page tries again by itself.</p>
    </Notice>
  );
}
