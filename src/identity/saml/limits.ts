/** The limits of SAML: each with its unit and its reason. */

/** Longest message after its encoding is undone, in bytes: an assertion of a thousand groups has about 100 KiB. */
export const messageBytesMax = 256 * 1024;

/** Longest metadata, in characters: as long as configuration takes it. */
export const metadataLengthMax = 256 * 1024;

/** Elements within elements. Assertions have about eight; recursion over a document must not exhaust the stack. */
export const depthMax = 40;

/** Elements of a document: a thousand groups with room to spare; looking for identifiers takes time by their number. */
export const elementsMax = 10_000;

/** Attributes of an element: the busiest of the specification, with its namespaces, has about fifteen. */
export const attributesMax = 32;

/** Certificates for signatures that a provider may announce: two during a rollover, four with another per machine. */
export const signingCertificatesMax = 8;

/** Weakest RSA key that signs or is encrypted to, in bits (NIST SP 800-131A). */
export const rsaBitsMin = 2048;

/** How far the clocks of two machines may be apart, in milliseconds. */
export const clockSkewMs = 60_000;

/** How long a person has to sign on at the provider, in milliseconds. */
export const requestLifetimeMs = 10 * 60_000;

/** Oldest assertion, in milliseconds, whatever it says itself: its id is remembered for as long. */
export const assertionAgeMaxMs = 60 * 60_000;

/** Oldest message of a logout, in milliseconds. */
export const logoutAgeMaxMs = 5 * 60_000;

/** Longest entity id, in characters (SAML Metadata section 2.2.1). */
export const entityIdLengthMax = 1_024;

/** Longest name of a person at the provider, and longest value of an attribute, in characters: what principals keep. */
export const valueLengthMax = 512;

/** Values of attributes in one assertion: as many groups as a principal keeps, and what else is said. */
export const valuesMax = 2_500;

/** Sessions that one LogoutRequest may name. */
export const sessionIndexesMax = 100;

/** Longest RelayState that is taken, in bytes (SAML Bindings section 3.4.3). */
export const relayStateLengthMax = 80;

/** Random bytes of an identifier: guessing one is as hard as guessing a key (SAML Core section 1.3.4 asks for 16). */
export const identifierBytes = 20;
