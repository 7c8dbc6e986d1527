/**
 * The few pages that are made for one answer: where a sign-on leads, or why it leads nowhere. Everything else of the console
 * is files.
 *
 * Invariant: what comes from elsewhere stands escaped, in text or in an attribute, and never in a script; the policy allows
 * no other form than the one that is meant (A-ID-09).
 */
import { escapeHtml } from '../base/escape.ts';
import type { HttpAnswer } from './context.ts';

const frame =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

type Field = readonly [name: string, value: string];

/** A page with a line that says what happened, and where to go on. */
export function page(
  status: number,
  title: string,
  text: string,
  link: { readonly href: string; readonly text: string },
  fields: readonly Field[] = [],
): HttpAnswer {
  const content = `<p class="state">${escapeHtml(text)}</p><p><a href="${escapeHtml(link.href)}">${escapeHtml(link.text)}</a></p>`;
  return html(status, title, content, "form-action 'none'", fields);
}

/** A form that goes on to a provider by itself, or by its button where scripts are off. */
export function formPage(
  action: string,
  values: Readonly<Record<string, string>>,
  fields: readonly Field[],
): HttpAnswer {
  const inputs = Object.entries(values)
    .map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`)
    .join('');
  const content = `<p class="state">You are taken to your identity provider.</p>
<form method="post" action="${escapeHtml(action)}" id="go">${inputs}<button>Continue</button></form>
<script src="/go.js" type="module"></script>`;
  // The origin alone: a path with a comma or semicolon would end the directive.
  return html(200, 'Sign on', content, `form-action ${new URL(action).origin}`, fields);
}

export function redirect(location: string, fields: readonly Field[] = []): HttpAnswer {
  return { status: 303, fields: [['location', location], ...fields], body: '' };
}

function html(
  status: number,
  title: string,
  content: string,
  formAction: string,
  fields: readonly Field[],
): HttpAnswer {
  const body = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>${escapeHtml(title)} · Sallyport</title>
<link rel="icon" type="image/svg+xml" href="/logo.svg"><link rel="stylesheet" href="/console.css">
<link rel="stylesheet" href="/approve.css"></head>
<body><main><header><img src="/logo.svg" alt="" width="48" height="48"><h1>${escapeHtml(title)}</h1></header>
${content}
</main></body></html>
`;
  return {
    status,
    fields: [
      ['content-type', 'text/html; charset=utf-8'],
      ['content-security-policy', `${frame}; ${formAction}`],
      ...fields,
    ],
    body,
  };
}
