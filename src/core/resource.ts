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
  /** A bearer token that an authorisation server gives for these. */
  readonly oauth?: OAuthReference | null;
  /** Keys that sign each request. */
  readonly aws?: AwsReference | null;
  /** What the gateway shows of itself in the TLS handshake with the target. */
  readonly clientCertificate?: { readonly certificate: SecretReference; readonly key: SecretReference } | null;
}

/** The client credentials grant (RFC 6749, section 4.4). */
export interface OAuthReference {
  /** https, or http on a loopback address. */
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: SecretReference;
  readonly scopes: readonly string[];
  /** What the token is for: `audience`, as several servers call it, and `resource` (RFC 8707). */
  readonly audience: string | null;
  readonly resource: string | null;
  /** How the client proves itself (RFC 6749, section 2.3.1): by basic authentication, or in the body. */
  readonly authentication: 'basic' | 'body';
  /** PEM text of the authorities to trust at the token endpoint; the system's when null. */
  readonly ca: string | null;
}

/** AWS Signature Version 4. */
export interface AwsReference {
  readonly region: string;
  /** As AWS names it in a credential's scope: `s3`, `execute-api`. */
  readonly service: string;
  readonly accessKeyId: SecretReference;
  readonly secretAccessKey: SecretReference;
  readonly sessionToken: SecretReference | null;
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
  /** Longest text, in characters; a few thousand unless given. */
  readonly charactersMax?: number;
  /** The value is bytes in base 64, or `file:/absolute/path` on the gateway: then the protocol gets what stands there, in base 64. */
  readonly file?: true;
  /** What is wrong with a value of the right type, beginning in lower case; null where nothing is. */
  readonly problem?: (value: SettingValue) => string | null;
}
