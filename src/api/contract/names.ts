/**
 * Names and short texts, as every kind uses them.
 *
 * Names exclude `+`, which separates principal from resource in a login. Texts that people read exclude controls and
 * the characters that reorder or hide text (A-REV-06), so that no display has to distrust them.
 */
import { z } from 'zod';
import { escapeLine, escapeText } from '../../base/escape.ts';
import * as limits from './limits.ts';

export const namePattern = /^[a-z0-9]([a-z0-9._-]{0,62})$/;

export const objectName = z
  .string()
  .regex(namePattern, 'must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or a digit')
  .meta({ description: 'Unique within its kind.' });

export const secretName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]{0,126})$/, 'must be 1 to 127 of a-z 0-9 . _ - and begin with a letter or a digit');

/** Identifiers that the gateway made, such as `ses_01k9…`. */
export const identifier = z.string().regex(/^[a-z]{2,8}_[0-9a-z]{1,40}$/, 'must be an identifier of the gateway');

/** One line for people. */
export const shortText = z
  .string()
  .max(limits.textLengthMax)
  .refine((text) => escapeLine(text) === text, 'must be one line without control or invisible characters');

export const labelKey = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,62})$/,
    'must be 1 to 63 of A-Z a-z 0-9 . _ / - and begin with a letter or a digit',
  );

export const labelValue = z
  .string()
  .max(limits.nameLengthMax)
  .refine((text) => escapeLine(text) === text, 'must be one line without control or invisible characters');

export const labels = z
  .record(labelKey, labelValue)
  .refine((value) => Object.keys(value).length <= limits.labelsMax, `must not be more than ${limits.labelsMax} labels`);

/** What every kind of manifest begins with. */
export const metadata = z.strictObject({
  name: objectName,
  labels: labels.optional().describe('Free labels, by which an Access selects resources.'),
});

/** A list of names without repetition. */
export const nameList = z
  .array(objectName)
  .max(limits.listEntriesMax)
  .refine((names) => new Set(names).size === names.length, 'must not name anything twice');

/** Why a person asks or decides: what a reviewer and an auditor read. Several lines, nothing that hides or reorders. */
export const reasonText = z
  .string()
  .max(limits.reasonLengthMax)
  .refine((text) => escapeText(text) === text, 'must not hold control or invisible characters')
  .refine((text) => text.trim() !== '', 'must say why');

/** A moment as ISO 8601 with an offset. */
export const moment = z.iso.datetime({ offset: true });

/** Length in UTF-8 bytes, also where there is no Buffer. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** A path on the gateway's machine. */
export const absolutePath = z
  .string()
  .max(4096)
  .regex(/^\/[^\0]*$/, 'must be an absolute path');
