/**
 * Calls the gateway's API with the session of this browser, typed by the table of routes that the server is made of.
 *
 * Invariants: no token is ever in this page's hands (the cookie is not readable); what the gateway refuses becomes a Problem with
 * its own words; a stream that breaks off throws, leaving its loop closes it.
 *
 * Deliberately absent: validation of answers (the server is the same release, and its shapes are closed), retries.
 */
import type { RouteAnswer, RouteEntry, RouteInput } from '../../../src/api/contract/route.ts';
import type { RouteName, Routes } from '../../../src/api/contract/routes.ts';
import type { FactorStepView, Problem as ProblemAnswer } from '../../../src/api/contract/shapes.ts';
import { routes } from './routes.generated.ts';

type Kind<N extends RouteName> = Routes[N]['response']['kind'];
export type CallRoute = { [N in RouteName]: Kind<N> extends 'json' | 'none' ? N : never }[RouteName];
export type StreamRoute = { [N in RouteName]: Kind<N> extends 'ndjson' ? N : never }[RouteName];
export type TextRoute = { [N in RouteName]: Kind<N> extends 'text' ? N : never }[RouteName];
export type InputOf<N extends RouteName> = RouteInput<Routes[N]>;
export type AnswerOf<N extends RouteName> = RouteAnswer<Routes[N]>;
export type EntryOf<N extends RouteName> = RouteEntry<Routes[N]>;
export type FieldProblem = NonNullable<ProblemAnswer['problems']>[number];

/** What the gateway refused, or that it did not answer. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly problems: readonly FieldProblem[];
  readonly step: FactorStepView | null;
  readonly requestId: string | null;

  constructor(status: number, answer: Partial<ProblemAnswer> | null) {
    super(answer?.detail ?? 'The gateway did not answer. It may be starting anew; this page tries again.');
    this.name = 'Problem';
    this.status = status;
    this.code = answer?.code ?? (status === 0 ? 'console.unreachable' : 'console.unexpected');
    this.problems = answer?.problems ?? [];
    this.step = answer?.step ?? null;
    this.requestId = answer?.requestId ?? null;
  }
}

interface AnyInput {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** The address of a call: every part encoded, so that a name cannot become a path. */
export function addressOf(name: RouteName, input: AnyInput = {}): string {
  const path = routes[name][1].replace(/:(\w+)/g, (_, part: string) => {
    const value = encodeURIComponent(String(input.params?.[part] ?? ''));
    if (value === '' || value === '.' || value === '..')
      throw new Problem(0, { detail: 'This address leads nowhere.' });
    return value;
  });
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined && value !== null) query.set(key, String(value));
  }
  return query.size === 0 ? path : `${path}?${query}`;
}

async function open(name: RouteName, input: AnyInput = {}, { signal }: CallOptions = {}): Promise<Response> {
  const init: RequestInit = { method: routes[name][0], ...(signal === undefined ? {} : { signal }) };
  if (input.body !== undefined) {
    init.headers = { 'content-type': 'application/json' };
    init.body = JSON.stringify(input.body);
  }
  let response: Response;
  try {
    response = await fetch(addressOf(name, input), init);
  } catch (error) {
    if (error instanceof Problem || (error instanceof DOMException && error.name === 'AbortError')) throw error;
    throw new Problem(0, null);
  }
  if (response.ok) return response;
  const answer = (await response.json().catch(() => null)) as Partial<ProblemAnswer> | null;
  if (response.status === 401) window.dispatchEvent(new Event('sallyport:signed-off'));
  throw new Problem(response.status, answer);
}

/** Calls a route that answers with one value. */
export async function call<N extends CallRoute>(
  name: N,
  input: InputOf<N> = {} as InputOf<N>,
  options: CallOptions = {},
): Promise<AnswerOf<N>> {
  const response = await open(name, input as AnyInput, options);
  return (routes[name][2] === 'none' ? undefined : await response.json()) as AnswerOf<N>;
}

/** The gateway says something at least every quarter of a minute: silence longer than this is a connection that is gone. */
const silenceMs = 45_000;

/** What a stream says next. Throws where it says nothing for too long: the machine slept, or the network changed. */
async function heard<T>(reading: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Problem(0, null)), silenceMs);
  });
  return Promise.race([reading, silence]).finally(() => clearTimeout(timer));
}

/** Streams the entries of an NDJSON answer. */
export async function* stream<N extends StreamRoute>(
  name: N,
  input: InputOf<N>,
  options: CallOptions = {},
): AsyncGenerator<EntryOf<N>, void, undefined> {
  const response = await open(name, input as AnyInput, options);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await heard(reader.read());
      if (done) break;
      const lines = (rest + value).split('\n');
      rest = lines.pop()!;
      for (const line of lines) if (line !== '') yield JSON.parse(line) as EntryOf<N>;
    }
    if (rest !== '') yield JSON.parse(rest) as EntryOf<N>;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Signs this browser off; gives where to go then: the provider's own page, where it has one. */
export async function endSession(): Promise<string> {
  const response = await open('endWebSession');
  const { signOff } = (await response.json()) as { readonly signOff: string | null };
  return signOff ?? '/sign-on.html';
}

/** A text answer as a Blob, to be saved. */
export async function download<N extends TextRoute>(
  name: N,
  input: InputOf<N>,
  options: CallOptions = {},
): Promise<Blob> {
  return await (await open(name, input as AnyInput, options)).blob();
}

/** Hands a Blob to the browser as a file. */
export function saveAs(blob: Blob, fileName: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
