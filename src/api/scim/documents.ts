/**
 * SCIM resources as providers send them, read into what is kept, and what is kept as providers are shown it.
 *
 * Invariants: attributes are found without regard to case (RFC 7643, section 2.1) and never by the sender's spelling as a
 * key of an object; what is of the wrong type is refused; what nobody here has a use for (passwords, addresses, roles) is
 * not kept.
 */
import { emailsMax, membersMax, scimTextLengthMax } from '../limits.ts';
import type { ScimEmail, ScimGroup, ScimUser, StoredScim } from '../scim-ports.ts';
import { invalidValue, ScimError } from './error.ts';
import { groupSchema, ownName, userSchema } from './schema.ts';

/** Attributes by name in lower case, without the names of this room's schemas. */
export function attributesOf(value: unknown): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ScimError(400, 'invalidSyntax', 'An object is needed.');
  }
  const found = new Map<string, unknown>();
  for (const [key, one] of Object.entries(value)) {
    // Okta and Entra may write an attribute inside of an object named by its schema.
    if (/^urn:/i.test(key) && ownName(`${key}:`) === '') {
      for (const [name, inner] of attributesOf(one)) found.set(name, inner);
    } else found.set(ownName(key).toLowerCase(), one);
  }
  return found;
}

export function userOf(body: unknown, before: ScimUser | null): ScimUser {
  const given = attributesOf(body);
  const userName = textOf(given.get('username'), 'userName');
  if (userName === undefined) throw invalidValue('userName is needed.');
  const active = given.get('active');
  return {
    userName,
    externalId: textOf(given.get('externalid'), 'externalId'),
    displayName: textOf(given.get('displayname'), 'displayName'),
    name: nameOf(given.get('name')),
    emails: emailsOf(given.get('emails')),
    // Whoever says nothing of it brings nobody back.
    active: active === undefined || active === null ? (before?.active ?? true) : booleanOf(active, 'active'),
  };
}

export function groupOf(body: unknown): ScimGroup & { readonly members: readonly string[] } {
  const given = attributesOf(body);
  const displayName = textOf(given.get('displayname'), 'displayName');
  if (displayName === undefined) throw invalidValue('displayName is needed.');
  const members = new Set(membersOf(given.get('members')));
  boundMembers(members);
  return { displayName, externalId: textOf(given.get('externalid'), 'externalId'), members: [...members] };
}

/** Undefined where nothing is said: absent, null and empty mean the same (RFC 7643, section 2.5). */
export function textOf(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw invalidValue(`${name} must be a string.`);
  if (value.length > scimTextLengthMax) throw invalidValue(`${name} is longer than ${scimTextLengthMax} characters.`);
  if (/\p{Cc}/u.test(value) || !value.isWellFormed()) {
    throw invalidValue(`${name} holds characters that nobody can read.`);
  }
  return value;
}

/** Microsoft Entra writes booleans as "True" and "False". */
export function booleanOf(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  const text = typeof value === 'string' ? value.toLowerCase() : '';
  if (text !== 'true' && text !== 'false') throw invalidValue(`${name} must be true or false.`);
  return text === 'true';
}

export function nameOf(value: unknown): ScimUser['name'] {
  if (value === undefined || value === null) return undefined;
  const given = attributesOf(value);
  const name = {
    formatted: textOf(given.get('formatted'), 'name.formatted'),
    familyName: textOf(given.get('familyname'), 'name.familyName'),
    givenName: textOf(given.get('givenname'), 'name.givenName'),
  };
  return Object.values(name).every((part) => part === undefined) ? undefined : name;
}

export function emailsOf(value: unknown): readonly ScimEmail[] {
  if (value === undefined || value === null) return [];
  const list = [value].flat();
  boundEmails(list);
  return list.flatMap((one) => emailOf(one) ?? []);
}

/** Null where there is no address in it. */
export function emailOf(one: unknown): ScimEmail | null {
  const given = attributesOf(typeof one === 'string' ? { value: one } : one);
  const address = textOf(given.get('value'), 'emails.value');
  if (address === undefined) return null;
  const primary = given.get('primary');
  return {
    value: address,
    type: textOf(given.get('type'), 'emails.type'),
    primary: primary === undefined || primary === null ? undefined : booleanOf(primary, 'emails.primary'),
  };
}

export function boundEmails(list: readonly unknown[]): void {
  if (list.length > emailsMax) throw invalidValue(`There are more than ${emailsMax} emails.`);
}

/** Ids of members; a group in a group is refused, since its members would be nobody's. */
export function membersOf(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  return [value].flat().map((one) => {
    const given = attributesOf(typeof one === 'string' ? { value: one } : one);
    const id = textOf(given.get('value'), 'members.value');
    if (id === undefined) throw invalidValue('A member without value.');
    if (`${given.get('type') ?? 'User'}`.toLowerCase() !== 'user') {
      throw invalidValue('Members are users; groups in groups are not taken.');
    }
    return id;
  });
}

export function boundMembers(members: ReadonlySet<string>): void {
  if (members.size > membersMax) throw invalidValue(`A group has ${membersMax} members at most.`);
}

export type Resource = Readonly<Record<string, unknown>>;

export function userResource({ id, document, ...facts }: StoredScim<ScimUser>, base: string): Resource {
  const { externalId, userName, displayName, name, active, emails } = document;
  return {
    schemas: [userSchema],
    id,
    externalId,
    userName,
    displayName,
    name,
    active,
    ...(emails.length === 0 ? {} : { emails }),
    meta: metaOf('User', id, facts, base),
  };
}

export function groupResource({ id, document, ...facts }: StoredScim<ScimGroup>, base: string): Resource {
  const { displayName, externalId, members } = document;
  return {
    schemas: [groupSchema],
    id,
    externalId,
    displayName,
    ...(members === null || members.length === 0
      ? {}
      : { members: members.map((value) => ({ value, $ref: `${base}/Users/${value}` })) }),
    meta: metaOf('Group', id, facts, base),
  };
}

function metaOf(
  type: 'User' | 'Group',
  id: string,
  { version, createdAtMs, updatedAtMs }: Omit<StoredScim<unknown>, 'id' | 'document'>,
  base: string,
): object {
  return {
    resourceType: type,
    created: new Date(createdAtMs).toISOString(),
    lastModified: new Date(updatedAtMs).toISOString(),
    location: `${base}/${type}s/${id}`,
    version: etagOf(version),
  };
}

export function etagOf(version: number): string {
  return `W/"${version}"`;
}

/** Which attributes of an answer are wanted (RFC 7644, section 3.9). */
export interface Projection {
  readonly only: readonly (readonly string[])[] | null;
  readonly without: readonly (readonly string[])[];
}

export function projectionOf(query: {
  readonly attributes?: string | undefined;
  readonly excludedAttributes?: string | undefined;
}): Projection {
  const only = pathsOf(query.attributes);
  return { only: only.length === 0 ? null : only, without: pathsOf(query.excludedAttributes) };
}

function pathsOf(list: string | undefined): readonly (readonly string[])[] {
  const names = (list ?? '').split(',').map((name) => ownName(name.trim()).toLowerCase());
  return names.filter((name) => name !== '').map((name) => name.split('.'));
}

/** Whether an attribute as a whole, or a part of it, is wanted. */
export function wants({ only, without }: Projection, attribute: string): boolean {
  if (without.some((path) => path.length === 1 && path[0] === attribute)) return false;
  return only === null || only.some(([name]) => name === attribute);
}

const always = new Set(['schemas', 'id']);

export function projected(resource: Resource, projection: Projection): Resource {
  return Object.fromEntries(
    Object.entries(resource).flatMap(([key, value]) => {
      const name = key.toLowerCase();
      if (always.has(name)) return [[key, value]];
      if (!wants(projection, name)) return [];
      return [[key, withParts(value, name, projection)]];
    }),
  );
}

function withParts(value: unknown, name: string, { only, without }: Projection): unknown {
  const parts = (paths: readonly (readonly string[])[]): string[] =>
    paths.flatMap(([attribute, part]) => (attribute === name && part !== undefined ? [part] : []));
  const isWhole = only === null || only.some((path) => path.length === 1 && path[0] === name);
  const [kept, dropped] = [isWhole ? null : parts(only), parts(without)];
  const cut = (one: unknown): unknown =>
    typeof one !== 'object' || one === null
      ? one
      : Object.fromEntries(
          Object.entries(one).filter(([key]) => {
            const part = key.toLowerCase();
            return (kept === null || kept.includes(part)) && !dropped.includes(part);
          }),
        );
  if (kept === null && dropped.length === 0) return value;
  return Array.isArray(value) ? value.map(cut) : cut(value);
}
