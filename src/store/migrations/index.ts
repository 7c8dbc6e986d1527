/**
 * The migrations, in order. A literal list: what is not here does not run. One that was released is never edited.
 */
import type { Migration } from 'kysely/migration';
import * as initial from './0001-initial.ts';
import * as reviews from './0002-reviews.ts';
import * as identity from './0003-identity.ts';
import * as history from './0004-history.ts';
import * as alerts from './0005-alerts.ts';
import * as sinks from './0006-sinks.ts';
import * as retention from './0007-retention.ts';

export const migrations: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
  '0002-reviews': reviews,
  '0003-identity': identity,
  '0004-history': history,
  '0005-alerts': alerts,
  '0006-sinks': sinks,
  '0007-retention': retention,
};
