/**
 * What the gateway itself answers: for programs problem+json (RFC 9457), for browsers a small page, for gRPC its status.
 *
 * Invariants: nothing in it comes from the target; it says what happened, by which rule, and what to do next; it is not
 * cached, and nothing in it runs.
 */
import { createHash } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { GatewayError } from '../../base/errors.ts';
import type { ClientExchange } from './client.ts';
import { type Field, firstOf } from './fields.ts';

export interface Refusal {
  readonly status: number;
  /** A stable word for it: an error's code, or `refused`. */
  readonly code: string;
  readonly detail: string;
  /** The rule that says so, or null. */
  readonly rule?: string | null;
  readonly session?: string | null;
  /** Ordinal of the command, or null. */
  readonly command?: number | null;
  /** Whose decision is waited for: a review, and where it is decided. */
  readonly review?: { readonly id: string; readonly link: string };
  /** Of a page, where that says more than the status. */
  readonly title?: string;
  /** A page gets a link to where the origin begins. */
  readonly back?: boolean;
  readonly fields?: readonly Field[];
}

export interface Answer {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: Buffer;
  readonly trailers: readonly Field[];
}

// As the console looks, in as few words as a page takes that loads nothing.
const style = `:root{color-scheme:light dark;--ground:#f6f4ef;--ink:#23292b;--quiet:#5c6664;--line:#dcd8cd;--accent:#2f5d4f}
@media(prefers-color-scheme:dark){:root{--ground:#15191a;--ink:#e6e4dd;--quiet:#9ba5a2;--line:#30383a;--accent:#8cc4b0}}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:38rem;margin:0 auto;padding:clamp(2rem,14vh,9rem) 1.25rem 3rem;overflow-wrap:anywhere}
header{display:flex;align-items:center;gap:1rem;margin-bottom:1.25rem}
svg{width:3rem;height:3rem;flex:none}
h1{margin:0;font-size:1.75rem;font-weight:600;letter-spacing:-.01em}
p{margin:0 0 1rem}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:1.5rem 0;padding-top:1rem;border-top:1px solid var(--line);color:var(--quiet);font-size:.9rem}
dd{margin:0;font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace}
a{color:var(--accent);text-underline-offset:.2em}
button{font:inherit;font-weight:600;padding:.55rem .9rem;border:1px solid var(--accent);border-radius:.4rem;background:none;color:inherit;cursor:pointer}
a:focus-visible,button:focus-visible{outline:2px solid var(--accent);outline-offset:3px}`;
const logo =
  '<svg viewBox="0 0 48 48" aria-hidden="true"><path fill="#3d6b5c" d="M4 14h6v-4h6v4h5v-4h6v4h5v-4h6v4h6v28H4z"/><path fill="#f6f4ef" d="M14 42V30a10 10 0 0 1 20 0v12h-5V30a5 5 0 0 0-10 0v12z"/></svg>';

const styleDigest = createHash('sha256').update(style).digest('base64');

/** Fields of every answer of the gateway's own. */
export const ownAnswerFields: readonly Field[] = [
  ['Cache-Control', 'no-store'],
  ['X-Content-Type-Options', 'nosniff'],
  [
    'Content-Security-Policy',
    `default-src 'none'; style-src 'sha256-${styleDigest}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
  ],
  ['Referrer-Policy', 'no-referrer'],
];

/** Renders a refusal in the form that the client asked for. */
export function render(refusal: Refusal, asked: readonly Field[]): Answer {
  const { status, fields = [] } = refusal;
  const type = firstOf(asked, 'content-type') ?? '';
  if (/^application\/grpc(?:[+;]|$)/i.test(type)) return grpc(refusal);
  const wantsPage = /(?:^|[\s,])text\/html\b/i.test(firstOf(asked, 'accept') ?? '');
  if (wantsPage) return page(status, pageTitleOf(refusal), explanation(refusal), fields);
  return whole(status, 'application/problem+json', problem(refusal), fields);
}

/** Gives an answer of the gateway's own, or tears what was begun; of gRPC the trailers still say how it ended. */
export function give(client: ClientExchange, { status, fields, body }: Answer): void {
  if (client.isAnswered) {
    const trailers = fields.filter(([name]) => /^grpc-(?:status|message)$/i.test(name));
    if (trailers.length > 0 && client.head.version === '2') client.end(trailers);
    else client.tear();
    return;
  }
  const bodyless = client.head.method === 'HEAD' || body.length === 0;
  client.answer(status, fields, bodyless);
  if (!bodyless) client.write(body);
  client.end([]);
}

function whole(status: number, type: string, text: string, fields: readonly Field[]): Answer {
  const body = Buffer.from(text);
  return {
    status,
    fields: [['Content-Type', type], ['Content-Length', String(body.length)], ...ownAnswerFields, ...fields],
    body,
    trailers: [],
  };
}

function problem({ status, code, detail, rule = null, session = null, command = null, review }: Refusal): string {
  const members = {
    type: `urn:sallyport:problem:${code}`,
    title: titleOf(status),
    status,
    detail,
    ...(rule === null ? {} : { rule }),
    ...(session === null ? {} : { session }),
    ...(command === null ? {} : { command }),
    ...(review === undefined ? {} : { review }),
  };
  return `${JSON.stringify(members)}\n`;
}

function pageTitleOf({ status, title, review }: Refusal): string {
  if (title !== undefined) return title;
  if (review !== undefined) return 'Waiting for approval';
  return status === 403 ? 'Refused' : titleOf(status);
}

/** What of a refusal a page says below its title. */
function explanation(refusal: Refusal): string {
  const { detail, rule = null, session = null, command = null, back = false, review } = refusal;
  const place = session === null ? null : `${session}${command === null ? '' : `, command ${command}`}`;
  const notes = [
    ['Rule', rule],
    ['Session', place],
  ] as const;
  const rows = notes.flatMap(([name, value]) =>
    value === null ? [] : [`<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`],
  );
  const list = rows.length === 0 ? '' : `<dl>${rows.join('')}</dl>`;
  const link = review === undefined ? '' : `<p><a href="${escapeHtml(review.link)}">The review</a></p>`;
  return `<p>${escapeHtml(detail)}</p>${link}${back ? '<p><a href="/">Open it again</a></p>' : ''}${list}`;
}

/** A page of the gateway's own. `content` is HTML. */
export function page(status: number, title: string, content: string, fields: readonly Field[] = []): Answer {
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>${escapeHtml(title)} · Sallyport</title><style>${style}</style></head>
<body><main><header>${logo}<h1>${escapeHtml(title)}</h1></header>${content}</main></body></html>
`;
  return whole(status, 'text/html; charset=utf-8', html, fields);
}

/** Codes of gRPC (its document "Status codes and their use"), by status of HTTP. */
const grpcCodes: Readonly<Record<number, number>> = {
  202: 14,
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  408: 4,
  413: 8,
  421: 12,
  429: 8,
  502: 14,
  503: 14,
  504: 4,
};

/** An answer without a message: its head is its trailers ("Trailers-Only"). */
function grpc({ status, detail, rule = null, fields = [] }: Refusal): Answer {
  const message = rule === null ? detail : `${detail} (rule ${rule})`;
  return {
    status: 200,
    fields: [
      ['Content-Type', 'application/grpc'],
      ['Grpc-Status', String(grpcCodes[status] ?? 2)],
      ['Grpc-Message', percentEncoded(message)],
      ...fields,
    ],
    body: Buffer.alloc(0),
    trailers: [],
  };
}

/** As gRPC has it: everything but printable ASCII, and the percent sign. Clients need not undo more. */
function percentEncoded(text: string): string {
  return text.toWellFormed().replace(/[^ -$&-~]+/gu, (one) => encodeURIComponent(one));
}

function titleOf(status: number): string {
  return STATUS_CODES[status] ?? 'Refused';
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const statuses: Readonly<Record<string, number>> = {
  'http.malformed': 400,
  'http.tls-required': 400,
  'http.no-proof': 401,
  'core.not-authenticated': 401,
  'core.throttled': 429,
  'http.too-many': 429,
  'core.too-many-pending': 429,
  'core.too-many-connections': 429,
  'core.too-many-sessions': 429,
  'core.no-access': 403,
  'core.access-pending': 503,
  'core.wrong-protocol': 403,
  'core.step-up-required': 403,
  'core.step-up-refused': 403,
  'http.cross-site': 403,
  'http.method-refused': 405,
  'http.too-slow': 408,
  'http.head-too-large': 431,
  'http.target-too-long': 414,
  'http.wrong-origin': 421,
  'core.upstream-unreachable': 502,
  'http.no-credential': 502,
  'http.upstream-tls': 502,
  'http.upstream-protocol': 502,
  'http.upstream-lost': 502,
  'http.unmaskable': 502,
  'http.inflated': 502,
  'http.upstream-slow': 504,
};

/** How an error of this or another room is answered; what is not listed is the gateway's own trouble. */
export function refusalOf(error: GatewayError, fields: readonly Field[] = []): Refusal {
  const isOwn = error.kind === 'assertion' || error.kind === 'operation';
  return {
    status: statuses[error.code] ?? (isOwn ? 503 : error.kind === 'denial' ? 403 : 400),
    code: error.code,
    detail: error.publicMessage,
    fields,
  };
}
