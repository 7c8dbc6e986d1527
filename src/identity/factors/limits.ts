/** The limits of second factors: each with its unit and its reason. */

/** Passkeys and authenticators of one principal: a person has a few devices. Each is tried at a sign-on. */
export const factorsPerPrincipalMax = 10;

/** Longest name of a factor, in UTF-8 bytes: a line that people read. */
export const factorLabelBytesMax = 64;

/** How long a challenge or an enrolment may wait: to find the key or the phone. */
export const challengeLifetimeMs = 5 * 60_000;

/** How long a sign-on waits for its second factor after the right password. */
export const pendingLifetimeMs = 5 * 60_000;

/** Wrong answers after which a sign-on or an enrolment that waits is gone: people mistype. */
export const wrongAnswersMax = 5;

/** Random bytes of the id of a sign-on or an enrolment that waits: 160 bits (A-ID-10 asks for 128). */
export const exchangeIdBytes = 20;

/** Random bytes of a passkey's challenge: twice what WebAuthn asks for at least (section 13.4.3). */
export const challengeBytes = 32;

/** TOTP as every authenticator app has it (RFC 6238, RFC 4226 section 4): SHA-1, six digits, 30 seconds. */
export const totpDigits = 6;
export const totpStepMs = 30_000;
export const totpSecretBytes = 20;

/** Steps before and after the present one whose codes count: a clock that is off, a slow hand (RFC 6238 section 5.2). */
export const totpWindowSteps = 1;

/**
 * Wrong TOTP codes of one principal per `codeWindowMs`, from all sources and on all gateways. Three codes of a million fit
 * at a time, so that who has the password, and many addresses, has one chance in 1,400 a day; other factors still work.
 */
export const wrongCodesMax = 10;
export const codeWindowMs = 60 * 60_000;

/** Recovery codes made at a time. */
export const recoveryCodes = 10;

/** Random bytes of a recovery code: 80 bits, which nobody guesses online or, by a stolen digest, offline. */
export const recoveryCodeBytes = 10;

/** How often a use of a recovery code is tried against others made at the same moment. */
export const recoveryTriesMax = 5;

/** Longest parts of a passkey's answer, in characters of base64url: credential ids have 1,023 bytes at most. */
export const credentialIdLengthMax = 1_364;
export const clientDataLengthMax = 8_192;
export const authenticatorDataLengthMax = 8_192;
export const attestationLengthMax = 8_192;
export const signatureLengthMax = 2_048;
export const userHandleLengthMax = 88;

/** Transports that a passkey may name; WebAuthn has seven. */
export const transportsMax = 10;

/** Longest code that is looked at, as typed. */
export const codeLengthMax = 64;
