/**
 * ATTRS: draft-ietf-secsh-filexfer-02, section 5.
 *
 * | field       | type   | present if             |
 * |-------------|--------|------------------------|
 * | flags       | UInt32 |                        |
 * | size        | UInt64 | ATTR_SIZE              |
 * | uid, gid    | UInt32 | ATTR_UIDGID            |
 * | permissions | UInt32 | ATTR_PERMISSIONS       |
 * | atime,mtime | UInt32 | ATTR_ACMODTIME         |
 * | count, pairs| UInt32 | ATTR_EXTENDED          |
 *
 * Invariant: a flag that is not in this table is refused, since the fields behind it cannot be told apart.
 */
import { attributeFlag, fileType } from './constants.ts';
import { type FieldReader, type FieldWriter, malformed } from './fields.ts';
import * as limits from './limits.ts';

export interface Attributes {
  readonly size: bigint | null;
  readonly owner: { readonly user: number; readonly group: number } | null;
  /** With the bits of the type, where the sender gave them. */
  readonly permissions: number | null;
  readonly times: { readonly access: number; readonly modification: number } | null;
}

export const noAttributes: Attributes = { size: null, owner: null, permissions: null, times: null };

const { SSH_FILEXFER_ATTR_SIZE: sizeFlag, SSH_FILEXFER_ATTR_UIDGID: ownerFlag } = attributeFlag;
const { SSH_FILEXFER_ATTR_PERMISSIONS: permissionsFlag, SSH_FILEXFER_ATTR_ACMODTIME: timesFlag } = attributeFlag;
const extendedFlag = attributeFlag.SSH_FILEXFER_ATTR_EXTENDED;
const knownFlags = sizeFlag | ownerFlag | permissionsFlag | timesFlag;

/** Extended attributes are read over and not passed on: version 3 defines none. */
export function readAttributes(fields: FieldReader): Attributes {
  const flags = fields.uint32();
  if ((flags & ~extendedFlag & ~knownFlags) !== 0) throw malformed(`attribute flags 0x${flags.toString(16)}`);
  const size = (flags & sizeFlag) === 0 ? null : fields.uint64();
  const owner = (flags & ownerFlag) === 0 ? null : { user: fields.uint32(), group: fields.uint32() };
  const permissions = (flags & permissionsFlag) === 0 ? null : fields.uint32();
  const times = (flags & timesFlag) === 0 ? null : { access: fields.uint32(), modification: fields.uint32() };
  if ((flags & extendedFlag) !== 0) {
    const count = fields.uint32();
    if (count > limits.extendedAttributesMax) throw malformed(`${count} extended attributes`);
    for (let index = 0; index < count; index++) {
      fields.string(limits.extensionBytesMax);
      fields.string(limits.messageBytesMax);
    }
  }
  return { size, owner, permissions, times };
}

export function writeAttributes(fields: FieldWriter, { size, owner, permissions, times }: Attributes): FieldWriter {
  const flags =
    (size === null ? 0 : sizeFlag) |
    (owner === null ? 0 : ownerFlag) |
    (permissions === null ? 0 : permissionsFlag) |
    (times === null ? 0 : timesFlag);
  fields.uint32(flags);
  if (size !== null) fields.uint64(size);
  if (owner !== null) fields.uint32(owner.user).uint32(owner.group);
  if (permissions !== null) fields.uint32(permissions);
  if (times !== null) fields.uint32(times.access).uint32(times.modification);
  return fields;
}

export type FileKind = 'regular' | 'directory' | 'link' | 'other' | 'unknown';

/** What the file is; `unknown` where the server does not say. */
export function kindOf({ permissions }: Attributes): FileKind {
  const type = (permissions ?? 0) & fileType.mask;
  if (type === 0) return 'unknown';
  if (type === fileType.regular) return 'regular';
  if (type === fileType.directory) return 'directory';
  return type === fileType.link ? 'link' : 'other';
}

/** A size as a number; null where it is not said or no number can hold it exactly. */
export function sizeOf({ size }: Attributes): number | null {
  return size === null || size > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(size);
}
