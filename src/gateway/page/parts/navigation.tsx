/** The address is what is shown: it can be kept, sent and gone back to. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

const MOVED = 'els:moved';

export function moveTo(address: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', address);
  else history.replaceState(null, '', address);
  window.dispatchEvent(new Event(MOVED));
}

export function useAddress(): URL {
  const [href, setHref] = useState(location.href);
  useEffect(() => {
    const follow = () => setHref(location.href);
    for (const event of ['popstate', MOVED]) window.addEventListener(event, follow);
    return () => {
      for (const event of ['popstate', MOVED]) window.removeEventListener(event, follow);
    };
  }, []);
  return new URL(href);
}

export function Link({ to, children, class: name }: { to: string; children: ComponentChildren; class?: string }) {
  const follow = (event: MouseEvent) => {
    // New tab, new window, download: the browser knows better.
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    moveTo(to);
    window.scrollTo(0, 0);
  };
  return (
    <a href={to} onClick={follow} class={name ?? ''}>
      {children}
    </a>
  );
}

export function batchAddress(batchId: string): string {
  return `/batches/${encodeURIComponent(batchId)}`;
}

/** Undefined where the address is of no batch. */
export function batchIdOf({ pathname }: URL): string | undefined {
  const encoded = /^\/batches\/([^/]+)$/.exec(pathname)?.[1];
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
