/** What SCIM needs from the rest of the gateway; `gateway/scim.ts` fulfils it. */

/** A provider that has SCIM. */
export interface ScimProvider {
  readonly name: string;
  /** Name of the only principal that may speak for it. */
  readonly principal: string;
}

export interface ScimEmail {
  readonly value: string;
  readonly type?: string | undefined;
  readonly primary?: boolean | undefined;
}

/** A user as it is kept: what the gateway has a use for, and nothing else of what providers know about people. */
export interface ScimUser {
  readonly userName: string;
  readonly externalId?: string | undefined;
  readonly displayName?: string | undefined;
  readonly name?:
    | {
        readonly formatted?: string | undefined;
        readonly familyName?: string | undefined;
        readonly givenName?: string | undefined;
      }
    | undefined;
  readonly emails: readonly ScimEmail[];
  readonly active: boolean;
}

export interface ScimGroup {
  readonly displayName: string;
  readonly externalId?: string | undefined;
  /** Ids of users, each once; null where they were not asked for. */
  readonly members: readonly string[] | null;
}

export interface StoredScim<Document> {
  readonly id: string;
  readonly document: Document;
  /** Another one after each change. */
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/**
 * What became of a change. `conflict`: somebody else changed it, or a principal that it is about, since it was read.
 * `refused` is told to the provider, as it is.
 */
export type ScimOutcome<Document> =
  | { readonly outcome: 'done'; readonly stored: StoredScim<Document> }
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'conflict' }
  | { readonly outcome: 'taken'; readonly attribute: string }
  | { readonly outcome: 'refused'; readonly type: 'invalidValue' | 'mutability'; readonly why: string };

/** Every change has counted, on every gateway or within its next load, before it is answered; all of it, or none. */
export interface ScimCollection<Document> {
  get(provider: string, id: string): Promise<StoredScim<Document> | null>;
  /** In order of their ids, after one. Of groups without members. An empty page is the last. */
  page(provider: string, after: string | null): Promise<readonly StoredScim<Document>[]>;
  create(provider: string, document: Document): Promise<ScimOutcome<Document>>;
  replace(provider: string, id: string, version: number, document: Document): Promise<ScimOutcome<Document>>;
  /** `version` null: whatever it is. */
  remove(provider: string, id: string, version: number | null): Promise<'done' | 'absent' | 'conflict'>;
}

export interface ScimUsers extends ScimCollection<ScimUser> {
  /** Case counts for `externalId` alone. */
  find(provider: string, attribute: 'userName' | 'externalId', value: string): Promise<StoredScim<ScimUser> | null>;
}

export interface ScimStore {
  /** Null where there is no such provider, or none that has SCIM. */
  provider(name: string): ScimProvider | null;
  readonly users: ScimUsers;
  /** `get` gives the members; `replace` takes members of null as they are. */
  readonly groups: ScimCollection<ScimGroup>;
}
