/** Node's own strict parser (llhttp), fed with bytes: what tests compare ours with. */
import { METHODS } from 'node:http';

interface RawParser {
  initialize(type: number, resource: object, headBytesMax: number, leniency: number): void;
  execute(view: Buffer): number | Error;
  finish(): Error | undefined;
  [callback: number]: unknown;
}

interface ParserClass {
  new (): RawParser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const { HTTPParser } = process.getBuiltinModule('node:_http_common') as unknown as { readonly HTTPParser: ParserClass };

/** Names of methods by the numbers that the parser has for them, which it tells nobody. */
const methods = new Map<number, string>();
for (const method of METHODS) {
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {}, 1024, 0);
  parser[HTTPParser.kOnHeadersComplete] = (...[, , , number]: [number, number, string[], number]) => {
    methods.set(number, method);
  };
  parser.execute(Buffer.from(`${method} / HTTP/1.1\r\n\r\n`));
}

/** One message as a parser understood it. */
export interface Parsed {
  /** Method and target, or status. */
  readonly start: string;
  readonly version: string;
  readonly fields: string[];
  body: string;
  trailers: string[];
  isWhole: boolean;
}

export interface Reading {
  readonly messages: Parsed[];
  readonly isRefused: boolean;
}

/** What Node makes of these bytes, one connection's. `isHead`: of answers, whether they are to HEAD. */
export function readByNode(kind: 'request' | 'answer', pieces: readonly Buffer[], isHead = false): Reading {
  const messages: Parsed[] = [];
  let pending: string[] = [];
  let message: Parsed | null = null;
  const parser = new HTTPParser();
  parser.initialize(kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {}, 64 * 1024, 0);
  let target = '';
  parser[HTTPParser.kOnHeaders] = (fields: string[], url: string) => {
    pending.push(...fields);
    target += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    major: number,
    minor: number,
    fields: string[] | undefined,
    method: number,
    url: string | undefined,
    status: number,
  ) => {
    message = {
      start: kind === 'request' ? `${methods.get(method)} ${url ?? target}` : String(status),
      version: `${major}.${minor}`,
      fields: [...pending, ...(fields ?? [])],
      body: '',
      trailers: [],
      isWhole: false,
    };
    pending = [];
    target = '';
    messages.push(message);
    return isHead ? 1 : 0;
  };
  parser[HTTPParser.kOnBody] = (view: Buffer) => {
    message!.body += view.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    message!.trailers = pending;
    pending = [];
    target = '';
    message!.isWhole = true;
  };
  for (const piece of pieces) if (parser.execute(piece) instanceof Error) return { messages, isRefused: true };
  return { messages, isRefused: parser.finish() instanceof Error };
}
