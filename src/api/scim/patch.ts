/**
 * PATCH of users and groups (RFC 7644, section 3.5.2), on what is kept of them.
 *
 * Invariants:
 * - The document is changed by name, attribute by attribute: no text of a request becomes a key of an object (A-API-03).
 * - A group's members are a set: ten thousand are added, removed or exchanged in one pass.
 * - All operations hold, or none; what an operation says of an attribute that is not kept changes nothing.
 *
 * What providers write that the standard does not have: operations in capitals; attributes with dots, and paths with
 * filters, as keys of a value without a path (Entra); `remove` of members with a list of them as value (Entra); an id among
 * the attributes that are replaced (Okta); an address of a type that is not there yet is added (Entra).
 */
import { operationsMax } from '../limits.ts';
import type { ScimEmail, ScimGroup, ScimUser } from '../scim-ports.ts';
import {
  attributesOf,
  booleanOf,
  boundEmails,
  boundMembers,
  emailOf,
  emailsOf,
  membersOf,
  nameOf,
  textOf,
} from './documents.ts';
import { invalidValue, ScimError } from './error.ts';
import { type Filter, matches, type PatchPath, parsePath } from './filter.ts';

interface Change {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: PatchPath;
  readonly value: unknown;
}

/** What a request asks for, one attribute at a time. */
export function changesOf(body: unknown): readonly Change[] {
  const operations = attributesOf(body).get('operations');
  if (!Array.isArray(operations) || operations.length === 0) {
    throw new ScimError(400, 'invalidSyntax', 'Operations are needed.');
  }
  if (operations.length > operationsMax) {
    throw new ScimError(413, 'tooMany', `There are more than ${operationsMax} operations.`);
  }
  return operations.flatMap(changesOfOne);
}

function changesOfOne(operation: unknown): readonly Change[] {
  const given = attributesOf(operation);
  const name = given.get('op');
  const op = (['add', 'replace', 'remove'] as const).find((one) => `${name}`.toLowerCase() === one);
  if (op === undefined) throw new ScimError(400, 'invalidSyntax', 'op must be add, replace or remove.');
  const [path, value] = [given.get('path'), given.get('value')];
  if (op !== 'remove' && value === undefined) throw invalidValue(`${op} needs a value.`);
  if (typeof path === 'string' && path !== '') {
    const parsed = parsePath(path);
    if (readOnly.has(parsed.attribute)) throw new ScimError(400, 'mutability', `${parsed.attribute} is the gateway’s.`);
    return [{ op, path: parsed, value }];
  }
  if (path !== undefined && path !== null && path !== '') throw new ScimError(400, 'invalidPath', 'path is text.');
  if (op === 'remove') throw new ScimError(400, 'noTarget', 'remove needs a path.');
  return [...attributesOf(value)].map(([key, one]) => ({ op, path: parsePath(key), value: one }));
}

const readOnly = new Set(['id', 'meta', 'schemas']);

export function patchedUser(user: ScimUser, body: unknown): ScimUser {
  return changesOf(body).reduce(changedUser, user);
}

function changedUser(user: ScimUser, { op, path, value }: Change): ScimUser {
  const said = op === 'remove' ? undefined : value;
  switch (path.attribute) {
    case 'username':
      return { ...user, userName: textOf(said, 'userName') ?? missing('userName') };
    case 'externalid':
      return { ...user, externalId: textOf(said, 'externalId') };
    case 'displayname':
      return { ...user, displayName: textOf(said, 'displayName') };
    case 'active':
      return { ...user, active: booleanOf(said, 'active') };
    case 'name':
      return { ...user, name: changedName(user.name, path.sub, said) };
    case 'emails':
      return { ...user, emails: changedEmails(user.emails, { op, path, value }) };
    default:
      return user;
  }
}

function missing(attribute: string): never {
  throw invalidValue(`${attribute} is needed.`);
}

function changedName(name: ScimUser['name'], sub: string | null, value: unknown): ScimUser['name'] {
  if (sub === null) {
    const given = Object.entries(nameOf(value) ?? {}).filter(([, part]) => part !== undefined);
    return value === undefined ? undefined : nameOf({ ...name, ...Object.fromEntries(given) });
  }
  switch (sub) {
    case 'formatted':
      return nameOf({ ...name, formatted: textOf(value, 'name.formatted') });
    case 'familyname':
      return nameOf({ ...name, familyName: textOf(value, 'name.familyName') });
    case 'givenname':
      return nameOf({ ...name, givenName: textOf(value, 'name.givenName') });
    default:
      return name;
  }
}

function changedEmails(emails: readonly ScimEmail[], { op, path, value }: Change): readonly ScimEmail[] {
  const { filter, sub } = path;
  const isMeant = (email: ScimEmail): boolean => filter === null || matches(filter, email, ['emails']);
  if (op === 'remove') {
    // Without their address nothing is left of them.
    if (sub === null || sub === 'value') return emails.filter((email) => !isMeant(email));
    return emails.flatMap((email) => (isMeant(email) ? (withPart(email, sub, undefined) ?? []) : [email]));
  }
  if (filter === null && sub === null) {
    const given = emailsOf(value);
    return settled(op === 'replace' ? given : joined(emails, given), given);
  }
  if (emails.some(isMeant)) {
    const changed = emails.flatMap((email) => (isMeant(email) ? (changedEmail(email, sub, value) ?? []) : [email]));
    return settled(
      changed,
      changed.filter((email) => !emails.includes(email)),
    );
  }
  const shape = shapeOf(filter);
  const made = sub === null ? changedEmail(shape, null, value) : withPart(shape, sub, value);
  return made === null ? emails : settled([...emails, made], [made]);
}

/** An address as it may be while it is being made. */
type Email = Partial<ScimEmail>;

function changedEmail(email: Email, sub: string | null, value: unknown): ScimEmail | null {
  if (sub !== null) return withPart(email, sub, value);
  const given = attributesOf(value);
  return emailOf({
    value: given.get('value') ?? email.value,
    type: given.get('type') ?? email.type,
    primary: given.get('primary') ?? email.primary,
  });
}

/** Only what is kept may be named. */
function withPart(email: Email, sub: string, value: unknown): ScimEmail | null {
  switch (sub) {
    case 'value':
      return emailOf({ ...email, value });
    case 'type':
      return emailOf({ ...email, type: value });
    case 'primary':
      return emailOf({ ...email, primary: value });
    default:
      return emailOf(email);
  }
}

/** What a value has for which this filter holds, where it says so plainly. */
function shapeOf(filter: Filter | null): Email {
  if (filter?.op !== 'eq' || filter.path.length !== 1) return {};
  const { path, value } = filter;
  if (path[0] === 'type') return { type: textOf(value, 'emails.type') };
  return path[0] === 'primary' ? { primary: booleanOf(value, 'emails.primary') } : {};
}

function joined(emails: readonly ScimEmail[], more: readonly ScimEmail[]): readonly ScimEmail[] {
  const keyOf = ({ value, type = '' }: ScimEmail): string => JSON.stringify([value, type]).toLowerCase();
  return [...new Map([...emails, ...more].map((email) => [keyOf(email), email])).values()];
}

/** One is primary at most: the one that was said to be last (RFC 7644, section 3.5.2). */
function settled(emails: readonly ScimEmail[], given: readonly ScimEmail[]): readonly ScimEmail[] {
  boundEmails(emails);
  const primary = given.findLast((email) => email.primary === true);
  if (primary === undefined) return emails;
  return emails.map((email) => (email !== primary && email.primary === true ? { ...email, primary: false } : email));
}

type WithMembers = ScimGroup & { readonly members: readonly string[] };

export function patchedGroup(group: WithMembers, body: unknown): WithMembers {
  const members = new Set(group.members);
  let changed: ScimGroup = group;
  for (const change of changesOf(body)) {
    if (change.path.attribute !== 'members') changed = changedGroup(changed, change);
    else changeMembers(members, change);
    boundMembers(members);
  }
  return { ...changed, members: [...members] };
}

function changedGroup(group: ScimGroup, { op, path, value }: Change): ScimGroup {
  const said = op === 'remove' ? undefined : value;
  switch (path.attribute) {
    case 'displayname':
      return { ...group, displayName: textOf(said, 'displayName') ?? missing('displayName') };
    case 'externalid':
      return { ...group, externalId: textOf(said, 'externalId') };
    default:
      return group;
  }
}

function changeMembers(members: Set<string>, { op, path, value }: Change): void {
  const { filter, sub } = path;
  if (op === 'remove') {
    for (const id of removedMembers(members, filter, value)) members.delete(id);
    return;
  }
  // Of a member nothing but who it is can be said.
  if (filter !== null) {
    if (idsOf(filter)?.every((id) => members.has(id)) !== true) {
      throw new ScimError(400, 'noTarget', 'There is no such member.');
    }
    return;
  }
  if (sub !== null && sub !== 'value') return;
  const given = membersOf(value);
  if (op === 'replace') members.clear();
  for (const id of given) members.add(id);
}

function removedMembers(members: ReadonlySet<string>, filter: Filter | null, value: unknown): Iterable<string> {
  if (filter === null) return value === undefined || value === null ? [...members] : membersOf(value);
  return idsOf(filter) ?? [...members].filter((id) => matches(filter, { value: id }, ['members']));
}

/** The ids that a filter asks for, where it names them: so that a thousand operations do not go through ten thousand members. */
function idsOf(filter: Filter): readonly string[] | null {
  if (filter.op === 'eq' && filter.path.length === 1 && filter.path[0] === 'value') return [`${filter.value}`];
  if (filter.op !== 'or') return null;
  const all = filter.of.map(idsOf);
  return all.some((ids) => ids === null) ? null : all.flatMap((ids) => ids ?? []);
}
