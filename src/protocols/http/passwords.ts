/**
 * Passwords and tokens that stand in what is recorded: found by the names of the members and fields that hold them (A-REC-05).
 *
 * Deliberately absent: finding them by what they look like, which is the Masks' (masking/).
 */
import { omitted } from './omitted.ts';

const secretNames =
  'pass(?:word|wd|phrase)?|[a-z0-9_-]*(?:password|secret|token|api[_-]?key|private[_-]?key|signature|credential)|sig|pin|otp';
// As JSON spells a member, and as queries and forms spell a field.
const jsonSecret = new RegExp(
  `("(?:${secretNames})"\\s{0,8}:\\s{0,8})("(?:[^"\\\\]|\\\\.)*"|-?[0-9][0-9.eE+-]*)`,
  'gi',
);
const formSecret = new RegExp(`((?:^|[?&#\\n;])(?:${secretNames})=)[^&\\s;#>]+`, 'gi');
const multipartSecret = new RegExp(`^("(?:${secretNames})": )"(?:[^"\\\\]|\\\\.)*"$`, 'gim');
const secretName = new RegExp(`^(?:${secretNames})$`, 'i');

/** The text without the values of members and fields whose names say that they are secret. */
export function withoutPasswords(text: string): string {
  return text
    .replace(jsonSecret, `$1"${omitted}"`)
    .replace(multipartSecret, `$1"${omitted}"`)
    .replace(formSecret, `$1${omitted}`);
}

/** Whether a field by this name holds one. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** The same of an address, which may be one of many in a field. */
export function addressWithoutPasswords(value: string): string {
  return value.replace(formSecret, `$1${omitted}`);
}

/** Fields whose values are addresses. */
export const addressFields: ReadonlySet<string> = new Set([
  'referer',
  'location',
  'content-location',
  'refresh',
  'link',
]);
