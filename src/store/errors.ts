/**
 * Errors of the store.
 *
 * `detail` names an SQLSTATE and a constraint, never a statement, a parameter or a server's message: those may hold
 * what is kept.
 */
import { defineErrors } from '../base/errors.ts';

export const storeErrors = defineErrors({
  'store.unavailable': {
    kind: 'operation',
    message: 'The gateway cannot reach its database. Try again in a moment, or call its administrator.',
  },
  'store.deadline': {
    kind: 'operation',
    message: 'The gateway’s database did not answer in time. Try again in a moment.',
  },
  'store.busy': {
    kind: 'operation',
    message: 'The gateway’s database is overloaded. Try again in a moment.',
  },
  'store.failed': {
    kind: 'operation',
    message: 'The gateway’s embedded database has stopped. The gateway must be restarted.',
  },
  'store.closed': { kind: 'operation', message: 'The gateway is shutting down. Try again in a moment.' },
  'store.query-failed': {
    kind: 'operation',
    message: 'The gateway’s database refused an operation. Call its administrator.',
  },
  'store.in-use': {
    kind: 'operation',
    message: 'The data directory is in use by another gateway. Stop that one first, or choose another directory.',
  },
  'store.cannot-open': {
    kind: 'operation',
    message: 'The gateway’s database could not be opened. The log says why.',
  },
  'store.bad-url': {
    kind: 'operation',
    message: 'The database URL is not valid. Write it as postgres://user:password@host:5432/database.',
  },
  'store.server-too-old': {
    kind: 'operation',
    message: 'The database server is PostgreSQL {version}. Sallyport needs PostgreSQL 15 or later.',
  },
  'store.newer-schema': {
    kind: 'operation',
    message: 'The database was written by a newer version of Sallyport. Start that version, or a later one.',
  },
  'store.migration-failed': {
    kind: 'operation',
    message: 'The database could not be brought up to date, and was left as it was. The log says why.',
  },
  'store.invalid-text': {
    kind: 'operation',
    message: 'The text of {field} holds a character that cannot be kept (NUL or half of a surrogate pair). Remove it.',
  },
  'store.too-large': {
    kind: 'operation',
    message: 'The value of {field} is longer than the {limit} bytes that can be kept. Shorten it.',
  },
  'store.empty': { kind: 'operation', message: 'The value of {field} must not be empty.' },
  'store.bad-number': { kind: 'operation', message: 'The value of {field} is not a whole number that can be kept.' },
  'store.bad-limit': { kind: 'operation', message: 'The limit must be a whole number from 1 to {limit}.' },
  'store.search-too-long': {
    kind: 'operation',
    message: 'The search takes too long. Narrow it: a shorter time, one resource, one person; or sort by time.',
  },
  'store.bad-cursor': {
    kind: 'operation',
    message: 'The search cannot be continued from there. Begin it again.',
  },
  'store.batch-too-large': {
    kind: 'operation',
    message: 'At most {limit} entries can be written at once. Write them in parts.',
  },
});
