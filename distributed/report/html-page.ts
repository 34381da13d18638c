/** One HTML file that needs nothing else: styles, script and data are in it, and its policy forbids any request. */
import { embedJson, Html, html } from './html.ts';
import type { PageAssets } from './page-assets.ts';

const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

export interface PageContent {
  readonly title: string;
  readonly body: Html;
  readonly assets: PageAssets;
  /** What the script draws; without it the page has no script. */
  readonly data?: unknown;
  /** As wide as the screen. */
  readonly isWide?: boolean;
}

export function htmlPage({ title, body, assets, data, isWide = false }: PageContent): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Html(assets.styles)}</style>
</head>
<body>
<main${isWide && html` class="wide"`}>${body}</main>
${data !== undefined && script(assets, data)}
</body>
</html>
`;
  return page.text;
}

function script(assets: PageAssets, data: unknown): Html {
  return html`<script type="application/json" id="report-data">${embedJson(data)}</script>
<script>${new Html(assets.script)}</script>`;
}
