/**
 * Structured logs: one JSON object a line on standard error, or aligned text when a person looks at a terminal.
 * Strings are escaped by JSON itself; for people, by `escapeLine` (I13). Fields named like secrets are never written.
 */
import pino from 'pino';
import { escapeLine } from '../base/escape.ts';
import type { Log, LogFields } from '../base/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const secretNames = ['password', 'token', 'secret', 'authorization', 'credential', 'key'];

/** Opens the log of the process. */
export function openLog(level: LogLevel, format: 'json' | 'text'): Log {
  if (format === 'text') return textLog(level, {});
  const root = pino(
    { level, base: null, redact: { paths: secretNames, censor: '(secret)' }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  return wrap(root);
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    with: (fields) => wrap(logger.child(fields)),
  };
}

const order: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

function textLog(level: LogLevel, base: LogFields): Log {
  const write = (at: LogLevel, message: string, fields: LogFields = {}): void => {
    if (order.indexOf(at) < order.indexOf(level)) return;
    const rest = Object.entries({ ...base, ...fields })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${secretNames.includes(name) ? '(secret)' : escapeLine(String(value))}`)
      .join(' ');
    const time = new Date().toISOString().slice(11, 23);
    process.stderr.write(`${time} ${at.padEnd(5)} ${escapeLine(message)}${rest === '' ? '' : `  ${rest}`}\n`);
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    with: (fields) => textLog(level, { ...base, ...fields }),
  };
}
