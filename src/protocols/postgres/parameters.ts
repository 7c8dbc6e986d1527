/**
 * What a client may set in its StartupMessage: an allow-list (A-PG-11, A-PG-12).
 *
 * A parameter passes when it changes how values are spelled, how long things may take, or what a client calls itself.
 * What changes the meaning of names or the rights of the session is refused: such things are Commands, which are judged
 * and recorded, and `SET` after connecting does the same. So `search_path` (CVE-2025-12819: it steered queries of a
 * pooler's own), `role` and `session_authorization` are refused here although `SET` may be allowed.
 *
 * Invariants:
 * - Names are compared as the server does, without case; one name has one value, `options` included.
 * - client_encoding is UTF8 and nothing else; `UTF-8`, `unicode` and the quotes that asyncpg sends are spellings of it.
 *
 * Deliberately absent: whether values make sense; the server says so.
 * Source: PostgreSQL documentation, chapters 54.2.1 "Start-up", 20 "Server Configuration"; process_startup_options.
 */
import type { GatewayError } from '../../base/errors.ts';
import { escapeLine } from '../../base/escape.ts';
import { postgresErrors } from './errors.ts';
import * as limits from './limits.ts';

/** Answers what to send upstream for a value; null refuses it. */
type Rule = (value: string) => string | null;

const any: Rule = (value) => value;
const only =
  (...spellings: string[]): Rule =>
  (value) =>
    spellings.includes(value.toLowerCase()) ? value : null;
const on = only('on', 'true', 'yes', '1', 't', 'y');

/** Canonical names, and what they take. */
const allowed: Readonly<Record<string, Rule>> = {
  application_name: any,
  DateStyle: any,
  TimeZone: any,
  IntervalStyle: any,
  extra_float_digits: any,
  bytea_output: any,
  client_min_messages: any,
  statement_timeout: any,
  lock_timeout: any,
  transaction_timeout: any,
  idle_in_transaction_session_timeout: any,
  idle_session_timeout: any,
  tcp_keepalives_idle: any,
  tcp_keepalives_interval: any,
  tcp_keepalives_count: any,
  tcp_user_timeout: any,
  client_connection_check_interval: any,
  default_transaction_isolation: any,
  default_transaction_deferrable: any,
  // Towards less only: a later SET is judged.
  default_transaction_read_only: on,
  // Off changes where strings end, and with them statements (A-PG-14).
  standard_conforming_strings: on,
  // Planner settings that drivers send (libpq's PGGEQO, asyncpg's jit): they change speed, never results.
  geqo: any,
  jit: any,
  plan_cache_mode: any,
};

const names = new Map(Object.keys(allowed).map((name) => [name.toLowerCase(), name]));

export interface ClientParameters {
  readonly user: string;
  /** As the client named it; null where it named none. */
  readonly database: string | null;
  /** What goes upstream; without user, database and client_encoding, which the gateway sets. */
  readonly settings: ReadonlyMap<string, string>;
  /** `_pq_.…`: protocol options that this gateway does not know. */
  readonly protocolOptions: readonly string[];
  /** The client asked for a password exchange in clear (`sallyport.authentication=cleartext`). */
  readonly cleartext: boolean;
}

/** Sorts the parameters of a StartupMessage. Throws a denial that names the first one refused. */
export function readParameters(sent: ReadonlyMap<string, string>): ClientParameters {
  const user = sent.get('user');
  if (user === undefined || user === '') throw postgresErrors('postgres.no-user');
  const settings = new Map<string, string>();
  const protocolOptions: string[] = [];
  let cleartext = false;
  const given = new Set<string>();
  const set = (name: string, value: string): void => {
    const lower = name.toLowerCase();
    if (lower === 'client_encoding') {
      checkEncoding(value);
      return;
    }
    if (lower === 'sallyport.authentication') {
      if (value !== 'cleartext' && value !== 'scram') throw refused(name, 'it may be scram or cleartext');
      cleartext = value === 'cleartext';
      return;
    }
    const canonical = names.get(lower);
    if (canonical === undefined) throw refused(name, 'it is not among those that may be set when connecting; use SET');
    const accepted = allowed[canonical]!(value);
    if (accepted === null) throw refused(name, 'it may not have this value');
    settings.set(canonical, accepted);
  };
  // As in the server: `options` first, so that a parameter of its own has the last word.
  for (const [name, value] of parseOptions(sent.get('options') ?? '')) set(name, value);
  for (const [name, value] of sent) {
    if (name === 'user' || name === 'database' || name === 'options') continue;
    const lower = name.toLowerCase();
    if (given.has(lower)) throw refused(name, 'it is given twice');
    given.add(lower);
    if (name === 'replication') checkReplication(value);
    else if (name.startsWith('_pq_.')) protocolOptions.push(name);
    else set(name, value);
  }
  const database = sent.get('database');
  return {
    user,
    database: database === undefined || database === '' ? null : database,
    settings,
    protocolOptions,
    cleartext,
  };
}

/**
 * `options` as the server splits it: blanks part words, a backslash takes the next character as it is. Words are
 * `-c name=value`, `-cname=value` and `--name=value`, in which `-` in a name means `_`. Every other switch of the
 * server's command line is refused.
 */
export function parseOptions(options: string): [name: string, value: string][] {
  const words = splitWords(options);
  const settings: [string, string][] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    let setting: string | undefined;
    if (word === '-c') setting = words[++index];
    else if (word.startsWith('-c')) setting = word.slice(2);
    else if (word.startsWith('--') && word.length > 2) setting = word.slice(2);
    const equals = setting?.indexOf('=') ?? -1;
    if (setting === undefined || equals <= 0) throw refused('options', 'it may hold "-c name=value" only');
    settings.push([setting.slice(0, equals).replaceAll('-', '_'), setting.slice(equals + 1)]);
  }
  return settings;
}

function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let index = 0; index < text.length; index++) {
    const character = text[index]!;
    if (/[ \t\n\v\f\r]/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === '\\') {
      word = (word ?? '') + (text[++index] ?? '');
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

/**
 * A-PG-12. Compared as the server does: letters and digits, without case. SQL_ASCII, which libpq asks for in the C
 * locale, means "convert nothing", and gets what the gateway always sends: UTF8, as ParameterStatus then tells.
 */
function checkEncoding(value: string): void {
  const encoding = value.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (encoding !== 'utf8' && encoding !== 'unicode' && encoding !== 'sqlascii') {
    throw postgresErrors('postgres.client-encoding', { detail: shown(value) });
  }
}

/** A-PG-11: a replication connection has commands of its own, which nothing here judges. */
function checkReplication(value: string): void {
  if (!['false', 'off', 'no', '0', 'f', 'n'].includes(value.toLowerCase())) {
    throw postgresErrors('postgres.replication', { detail: shown(value) });
  }
}

function refused(name: string, reason: string): GatewayError {
  return postgresErrors('postgres.startup-parameter', { values: { name: shown(name), reason }, detail: shown(name) });
}

function shown(text: string): string {
  return escapeLine(text.slice(0, limits.shownNameCharactersMax));
}
