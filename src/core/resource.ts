/** What is protected: one configured target behind the gateway. */

export type RecordingMode = 'strict' | 'best-effort';
export const recordingModes: readonly RecordingMode[] = ['strict', 'best-effort'];

/** `disable` … `verify-full` as libpq names them, for every protocol. */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
export const tlsModes: readonly TlsMode[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'];

export interface ResourceTls {
  readonly mode: TlsMode;
  /** PEM text of the authorities to trust; the system's when null. */
  readonly ca: string | null;
  /** The name to verify and to send as SNI; the address's host when null. */
  readonly serverName: string | null;
}

/** Where a secret is kept. Resolved by the secrets room; the value never stands in a Resource. */
export type SecretReference =
  | { readonly provider: 'env'; readonly name: string }
  | { readonly provider: 'file'; readonly path: string }
  | { readonly provider: 'store'; readonly name: string };

export interface CredentialReference {
  readonly username: string;
  /** Null where the target trusts the gateway's address, or where it is proven otherwise. */
  readonly password: SecretReference | null;
  /** A private key, PEM or OpenSSH text. */
  readonly privateKey?: SecretReference | null;
  /** A bearer token (RFC 6750). */
  readonly token?: SecretReference | null;
  /** Head fields of requests, by name: an API key, say. */
  readonly headers?: Readonly<Record<string, SecretReference>>;
  /** The gateway signs a certificate for each session. */
  readonly certificate?: boolean;
}

export interface Resource {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly tls: ResourceTls;
  readonly credential: CredentialReference | null;
  readonly recording: RecordingMode;
  /** The protocol's own settings, already checked against its `settings` table, defaults filled in. */
  readonly settings: Readonly<Record<string, SettingValue>>;
}

export type SettingValue = string | number | boolean | readonly string[];

/** One protocol-specific field of a Resource: the manifest schema, the API and the console's form come from this. */
export interface SettingDefinition {
  readonly type: 'string' | 'integer' | 'boolean' | 'string-list';
  readonly description: string;
  readonly required?: boolean;
  readonly default?: SettingValue;
  readonly choices?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}
