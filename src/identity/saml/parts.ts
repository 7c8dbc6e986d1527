/** What SAML takes and gives, as types: a provider as configured, the gateway's keys, messages and their ways. */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { NamingRule } from '../naming.ts';
import type { ProvenSubject } from '../proven.ts';
import type { OnceRecords } from '../records.ts';

/** What of an IdentityProvider of type saml counts here; its manifest has the same shape. */
export interface SamlProviderSpec {
  readonly metadata: string;
  readonly entityId?: string | undefined;
  readonly nameIdFormat: 'persistent' | 'emailAddress' | 'unspecified';
  readonly encrypted: boolean;
  readonly idpInitiated: boolean;
  readonly name?: NamingRule | undefined;
  readonly groups: { readonly claim: string };
}

/** Where the gateway answers for one provider. */
export interface SamlEndpoints {
  /** Also the gateway's entity id, unless configured otherwise. */
  readonly metadata: string;
  /** The assertion consumer service: takes POST. */
  readonly acs: string;
  /** Single logout: takes GET and POST. */
  readonly logout: string;
}

export interface SamlProvider {
  readonly name: string;
  readonly spec: SamlProviderSpec;
  readonly endpoints: SamlEndpoints;
}

/** The gateway's own RSA key, which signs what it sends and decrypts what it gets; both PEM. */
export interface SpKeys {
  readonly privateKey: string;
  readonly certificate: string;
}

export interface SamlParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly once: OnceRecords;
  readonly keys: SpKeys;
}

/** How a message reaches the provider: the browser is redirected, or given a form that sends itself. */
export type Outgoing =
  | { readonly binding: 'redirect'; readonly url: string }
  | { readonly binding: 'post'; readonly action: string; readonly fields: Readonly<Record<string, string>> };

/** How a message came: `query` as it stood in the request line, without `?`, since its very spelling is signed. */
export type Incoming =
  | { readonly binding: 'redirect'; readonly query: string }
  | { readonly binding: 'post'; readonly fields: Readonly<Record<string, unknown>> };

export interface BeginRequest {
  readonly provider: SamlProvider;
  /**
   * A secret of this browser, from a cookie of its own: whoever brings the answer must have it (login CSRF). The answer
   * is posted from the provider's site, with which browsers send that cookie only if it is SameSite=None.
   */
  readonly browser: string;
  /** Asks the provider to have the person prove themself anew, and demands that they did. */
  readonly forceAuthn?: boolean;
  /** Given back by `complete`: where to go on, say. Never seen by the provider. */
  readonly carry?: string;
}

export interface CompleteRequest {
  readonly provider: SamlProvider;
  /** The fields of the form: SAMLResponse, RelayState. */
  readonly body: Readonly<Record<string, unknown>>;
  /** As it was given to `begin`; null where the browser has none. */
  readonly browser: string | null;
}

export interface Completed {
  readonly subject: ProvenSubject;
  /** What `begin` was given; null at a sign-on that the provider began. */
  readonly carry: string | null;
}

export interface BeginLogoutRequest {
  readonly provider: SamlProvider;
  /** As `ProvenSubject` had it. */
  readonly subject: string;
  readonly session: string | null;
  readonly browser: string;
}

/** What came to the logout endpoint. */
export type LogoutMessage =
  | {
      readonly type: 'request';
      readonly issuer: string;
      readonly nameId: string;
      /** None: every session of this person at the provider. */
      readonly sessionIndexes: readonly string[];
      /** For `answerLogout`. */
      readonly requestId: string;
      readonly relayState: string | null;
    }
  | {
      readonly type: 'response';
      /** False where the provider could not end everything. */
      readonly isComplete: boolean;
    };

export interface AnswerLogoutRequest {
  readonly provider: SamlProvider;
  readonly requestId: string;
  readonly relayState: string | null;
  /** Whether the sessions have ended. */
  readonly succeeded: boolean;
}
