/** Parts of requests that many routes share. */
import { z } from 'zod';
import * as limits from './limits.ts';
import { identifier } from './names.ts';

export const flag = z.stringbool({ truthy: ['true'], falsy: ['false'] });
export const byId = z.strictObject({ id: identifier });
export const documents = z.array(z.unknown()).min(1).max(limits.documentsMax);
export const pageLimit = z.coerce.number<number>().int().min(1).max(limits.pageEntriesMax);
export const pageCursor = z.string().regex(/^[A-Za-z0-9._~-]{1,256}$/, 'must be the cursor of a page before');
