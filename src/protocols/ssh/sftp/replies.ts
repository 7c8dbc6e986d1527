/**
 * What a server answers: draft-ietf-secsh-filexfer-02, section 7. Reading and writing.
 *
 * | type           | behind the id                                                   |
 * |----------------|-----------------------------------------------------------------|
 * | VERSION        | (no id) version UInt32, pairs of strings                        |
 * | STATUS         | code UInt32, message, language (some servers leave both out)    |
 * | HANDLE         | handle                                                          |
 * | DATA           | data                                                            |
 * | NAME           | count UInt32, for each: filename, longname, ATTRS               |
 * | ATTRS          | ATTRS                                                           |
 * | EXTENDED_REPLY | what the extension says                                         |
 *
 * Invariants:
 * - The count of a NAME is checked against the bytes that are there before anything is read (A-SSH-14).
 * - A type that is not in this table is an error: nobody knows what it would say to the client.
 */
import { type Attributes, noAttributes, readAttributes, writeAttributes } from './attributes.ts';
import { packet } from './constants.ts';
import { FieldReader, FieldWriter, malformed } from './fields.ts';
import * as limits from './limits.ts';

export interface NameEntry {
  readonly name: Buffer;
  /** For people, as `ls -l` has it; it must not be parsed. */
  readonly longName: Buffer;
  readonly attributes: Attributes;
}

export type Reply =
  | { readonly type: 'status'; readonly id: number; readonly code: number; readonly message: string }
  | { readonly type: 'handle'; readonly id: number; readonly handle: Buffer }
  | { readonly type: 'data'; readonly id: number; readonly data: Buffer }
  | { readonly type: 'name'; readonly id: number; readonly entries: readonly NameEntry[] }
  | { readonly type: 'attributes'; readonly id: number; readonly attributes: Attributes }
  | { readonly type: 'extended'; readonly id: number; readonly data: Buffer };

export interface Version {
  readonly version: number;
  readonly extensions: readonly (readonly [name: string, value: string])[];
}

/** The least that one entry of NAME takes: two lengths and the flags of ATTRS. */
const nameEntryBytesMin = 12;

export function readVersion(frame: Buffer): Version {
  if (frame[4] !== packet.SSH_FXP_VERSION) throw malformed('the first message is not VERSION');
  const fields = new FieldReader(frame, 5);
  const version = fields.uint32();
  const extensions: [string, string][] = [];
  while (fields.left > 0) {
    if (extensions.length === limits.extensionsMax) throw malformed('too many extensions');
    const name = fields.string(limits.extensionBytesMax).toString('latin1');
    extensions.push([name, fields.string(limits.extensionBytesMax).toString('latin1')]);
  }
  return { version, extensions };
}

/** Reads any reply but VERSION. Throws `sftp.message-malformed`. */
export function readReply(frame: Buffer): Reply {
  const fields = new FieldReader(frame, 5);
  const id = fields.uint32();
  const reply = readFields(frame[4]!, id, fields);
  fields.end();
  return reply;
}

function readFields(type: number, id: number, fields: FieldReader): Reply {
  switch (type) {
    case packet.SSH_FXP_STATUS: {
      const code = fields.uint32();
      const message = fields.left === 0 ? '' : fields.string(limits.statusTextBytesMax).toString('utf8');
      if (fields.left > 0) fields.string(limits.statusTextBytesMax);
      return { type: 'status', id, code, message };
    }
    case packet.SSH_FXP_HANDLE:
      return { type: 'handle', id, handle: fields.string(limits.handleBytesMax) };
    case packet.SSH_FXP_DATA:
      return { type: 'data', id, data: fields.string(limits.messageBytesMax) };
    case packet.SSH_FXP_NAME:
      return { type: 'name', id, entries: readNames(fields) };
    case packet.SSH_FXP_ATTRS:
      return { type: 'attributes', id, attributes: readAttributes(fields) };
    case packet.SSH_FXP_EXTENDED_REPLY:
      return { type: 'extended', id, data: fields.rest() };
    default:
      throw malformed(`a reply of type ${type}`);
  }
}

function readNames(fields: FieldReader): NameEntry[] {
  const count = fields.uint32();
  if (count > fields.left / nameEntryBytesMin) throw malformed(`${count} names in ${fields.left} bytes`);
  const entries: NameEntry[] = [];
  for (let index = 0; index < count; index++) {
    const name = fields.string(limits.nameBytesMax);
    const longName = fields.string(limits.messageBytesMax);
    entries.push({ name, longName, attributes: readAttributes(fields) });
  }
  return entries;
}

export function writeVersion({ version, extensions }: Version): Buffer {
  const fields = new FieldWriter(packet.SSH_FXP_VERSION).uint32(version);
  for (const [name, value] of extensions) fields.string(name).string(value);
  return fields.finish();
}

export function writeReply(reply: Reply): Buffer {
  switch (reply.type) {
    case 'status':
      return new FieldWriter(packet.SSH_FXP_STATUS)
        .uint32(reply.id)
        .uint32(reply.code)
        .string(reply.message)
        .string('en')
        .finish();
    case 'handle':
      return new FieldWriter(packet.SSH_FXP_HANDLE).uint32(reply.id).string(reply.handle).finish();
    case 'data':
      return new FieldWriter(packet.SSH_FXP_DATA).uint32(reply.id).string(reply.data).finish();
    case 'name': {
      const fields = new FieldWriter(packet.SSH_FXP_NAME).uint32(reply.id).uint32(reply.entries.length);
      for (const { name, longName, attributes } of reply.entries) {
        writeAttributes(fields.string(name).string(longName), attributes);
      }
      return fields.finish();
    }
    case 'attributes':
      return writeAttributes(new FieldWriter(packet.SSH_FXP_ATTRS).uint32(reply.id), reply.attributes).finish();
    case 'extended':
      return new FieldWriter(packet.SSH_FXP_EXTENDED_REPLY).uint32(reply.id).raw(reply.data).finish();
  }
}

/** The answer of REALPATH and READLINK: one name without attributes. */
export function writeOneName(id: number, path: string): Buffer {
  const name = Buffer.from(path, 'latin1');
  return writeReply({ type: 'name', id, entries: [{ name, longName: name, attributes: noAttributes }] });
}
