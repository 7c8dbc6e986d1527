/** The limits of what the API and manifests accept. */

/** One manifest file and one request body. A thousand resources fit; what is larger is split. */
export const manifestBytesMax = 1024 * 1024;
export const bodyBytesMax = 1024 * 1024;

/** Nesting of YAML and JSON: manifests need seven levels; parsers recurse, so the depth is bounded before them (A-API-03). */
export const documentDepthMax = 64;

/** Documents in one file and in one apply. */
export const documentsMax = 1000;

/** Problems reported at once; beyond it reading on no longer helps. */
export const problemsMax = 200;

/** Longest name of an object; a DNS label and a PostgreSQL identifier end there too. */
export const nameLengthMax = 63;

/** Longest name of a secret: a generated name holds an object's name. */
export const secretNameLengthMax = 127;

/** Longest secret value: a private key with its certificate chain fits. */
export const secretBytesMax = 64 * 1024;

/** Longest description or display name. */
export const textLengthMax = 256;

/** Longest certificate bundle written into a manifest. */
export const certificateLengthMax = 256 * 1024;

/** Labels of one object, and entries of one list in a manifest. */
export const labelsMax = 64;
export const listEntriesMax = 10_000;

/** Passwords: short ones are guessed, very long ones only cost hashing time. */
export const passwordLengthMin = 12;
export const passwordLengthMax = 1024;

/** Lifetime that may be asked for a token: a year and a day, for a service that others configure. Of people identity takes less. */
export const tokenLifetimeSecondsMin = 60;
export const tokenLifetimeSecondsMax = 366 * 24 * 60 * 60;

/** Entries of one page of a list. */
export const pageEntriesDefault = 50;
export const pageEntriesMax = 500;

/** How long the client waits for the head of an answer; applies and rotations of a large store take a while. */
export const clientAnswerDeadlineMs = 60_000;

/** Silence after which the client gives a stream up; the server sends a blank line every `streamHeartbeatMs`. */
export const clientStreamSilenceMs = 60_000;
export const streamHeartbeatMs = 15_000;

/** Largest answer the client takes into memory, and largest line of a stream. */
export const clientAnswerBytesMax = 64 * 1024 * 1024;

/** People who must approve: more than a handful never come together in time. */
export const approvalsMax = 10;

/** Windows of one Access: a timetable of a few shifts in a few zones. */
export const windowsMax = 16;

/** How long a review may wait. Below half a minute nobody can read; a held client longer than a day is gone. */
export const reviewMsMin = 30_000;
export const reviewMsMax = 24 * 60 * 60 * 1000;

/** How long a grant may last: a week is no longer just in time, and standing access belongs in an Access. */
export const grantMsMin = 60_000;
export const grantMsMax = 7 * 24 * 60 * 60 * 1000;

/** Longest bound on a statement's run. */
export const statementDurationMsMax = 7 * 24 * 60 * 60 * 1000;

/** Longest condition, pattern or part of a text in a rule, in characters; longer ones nobody reviews. */
export const patternLengthMax = 4096;

/** Longest name pattern: a quoted PostgreSQL identifier holds 63 bytes, and stars stand between them. */
export const patternNameLengthMax = 256;

/** Entries of one list of names, verbs or texts in a rule: they are compared one by one. */
export const patternsMax = 1000;

/** Examples of one guardrail, and the longest: they run at each save. */
export const examplesMax = 100;
export const exampleLengthMax = 64 * 1024;

/** Characters that a partial mask may keep at one end. */
export const partialCharactersMax = 64;

/** Longest reason of a decision or a request: a ticket and two sentences. */
export const reasonLengthMax = 1000;

/** Longest command that is explained. */
export const commandLengthMax = 256 * 1024;

/** Commands that one replay of a policy judges, unless it asks for fewer. */
export const replayCommandsMax = 1_000_000;

/** Longest body of a request from a chat, bytes: Slack's hold the message they belong to, some kilobytes. */
export const chatBodyBytesMax = 64 * 1024;

/** Longest header of a request from a chat, characters: a signature has 67. */
export const chatHeaderLengthMax = 256;

/** A public key's line: RSA of 16,384 bits is 2.8 KiB in base64, and a comment. */
export const sshKeyLengthMax = 4096;

/** Keys of one principal: a few machines, and their predecessors. */
export const sshKeysMax = 32;

/** A pattern of paths: Linux's longest path. */
export const pathPatternLengthMax = 4096;

/** Longest host name (RFC 1035, section 2.3.4). */
export const hostNameLengthMax = 253;

/** Longest path and query that a browser is sent back to; a longer one has been made `/` before. */
export const returnPathLengthMax = 2_048;

/** Head fields of one credential: an API key, a tenant, and a few more. */
export const credentialHeadersMax = 16;

/** Longest client id, audience or resource of a credential: identifiers and URLs. */
export const credentialParameterLengthMax = 1_024;

/** Longest URL in a manifest. */
export const urlLengthMax = 2_048;

/** Paths of fields that one sink may leave out, redact or hash, each: of a document with some eighty. */
export const sinkFieldsMax = 200;

/** X.509 certificates of one authority: its issuers, and each again while it is renewed. */
export const issuersMax = 16;

/** Longest of them, in characters: a key of 8192 bits and many names fit. */
export const issuerLengthMax = 16 * 1024;

/** Client certificates that one authority has revoked before they expired. */
export const revokedMax = 1_000;

/** Longest name of a claim or attribute: attributes of SAML are named by URLs. */
export const claimNameLengthMax = 256;

/** Longest value of a claim that a rule names. */
export const claimValueLengthMax = 512;

/** Groups of a provider that one IdentityProvider maps. */
export const groupRulesMax = 1_000;

/** Groups here that one group of a provider stands for. */
export const mappedGroupsMax = 64;

/** Longest metadata of a SAML provider, or key set of an issuer, characters: several certificates and bindings fit. */
export const samlMetadataLengthMax = 256 * 1024;

/** A sign-on by a provider lasts at least as long as a page takes to be read, seconds. */
export const providerSessionSecondsMin = 300;

/** … at most a day: who leaves is told of by SCIM or by logout, and by this at the latest. */
export const providerSessionSecondsMax = 86_400;

/** … and a working day unless said otherwise. */
export const providerSessionSecondsDefault = 12 * 3_600;

/** Ways in which workloads may prove that they are one principal. */
export const workloadsMax = 32;

/** Claims that one of them asks for. */
export const workloadClaimsMax = 16;

/** Groups that a provider may say somebody is in; more come as overage links. */
export const providedGroupsMax = 2_000;

/** A request for token exchange, bytes: two tokens of clouds, percent-encoded, and some names. */
export const exchangeBytesMax = 64 * 1024;

/** Longest time for which a token and the one in its place are both good, seconds. */
export const overlapSecondsMax = 24 * 60 * 60;

/** Resources that one token names. */
export const scopeResourcesMax = 64;

/** A token of a workload lasts a minute at least, … */
export const workloadTokenSecondsMin = 60;

/** … a working day at most, … */
export const workloadTokenSecondsMax = 12 * 3_600;

/** … and a quarter of an hour unless said otherwise: a step of a pipeline. */
export const workloadTokenSecondsDefault = 900;

/** Characters of one text among a protocol's own settings, unless its definition says otherwise: a path, a name, a template. */
export const settingLengthMax = 4096;

/** Longest code of a second factor, as typed; longest name of one; longest id of what waits for one. */
export const factorCodeLengthMax = 64;
export const factorLabelLengthMax = 64;
export const factorIdLengthMax = 100;

/** Longest Cookie header that is looked at, characters: a browser's for one host, with what other software left there. */
export const cookieLengthMax = 8 * 1024;

/** A form with a SAML message, bytes: an encrypted assertion with many groups, in base64, percent-encoded. */
export const samlMessageBytesMax = 512 * 1024;

/** Longest id of a sign-on by device. */
export const deviceIdLengthMax = 100;

/** One SCIM request, bytes: a group with ten thousand members, each with its name and address beside its id. */
export const scimBodyBytesMax = 4 * 1024 * 1024;

/** A SCIM filter, characters: a name or an id, and a few of them joined. It is read by recursion, and tried on everybody. */
export const scimFilterLengthMax = 2_000;

/** `attributes` of a SCIM request, characters. */
export const scimAttributesLengthMax = 2_000;

/** Least that anything is kept: a day, so that a slip of the pen never empties what happened this morning. Milliseconds. */
export const retentionMsMin = 86_400_000;

/** Most that a Retention says, some 27 years: longer is for ever, which is no Retention. Milliseconds. */
export const retentionMsMax = 9999 * 86_400_000;

/** Longest query of a search, in characters: the language's own limit. */
export const searchQueryLengthMax = 4_000;

/** Entries of one export of a search. What is more is asked for month by month. */
export const searchExportEntriesMax = 1_000_000;

/** Longest text that a Detection compares with, and its condition, in characters. */
export const detectionTextLengthMax = 500;
export const detectionConditionLengthMax = 1000;

/** Fields that a Detection counts by, and steps of a sequence. */
export const detectionGroupFieldsMax = 4;
export const detectionStepsMax = 16;

/** How far a window, a baseline and the quiet after an alert reach, milliseconds: 31, 90 and 7 days. */
export const detectionWindowMsMax = 31 * 86_400_000;
export const detectionBaselineMsMax = 90 * 86_400_000;
export const detectionQuietMsMax = 7 * 86_400_000;

/** Windows that a baseline may ask for before anything is unusual, and how many times the usual. */
export const detectionBaselineWindowsMax = 200;
export const detectionFactorMax = 1_000_000;

/** Examples of a Detection, and activities of one. */
export const detectionExamplesMax = 50;
export const detectionActivitiesMax = 200;

/** Suppressions of a Detection. */
export const detectionSuppressionsMax = 100;

/** Longest signed checkpoint: some 400 characters today. */
export const checkpointLengthMax = 4096;

/** Characters of a statement that the console runs at once. */
export const workbenchTextLengthMax = 256 * 1024;

/** Characters (base64) of keys that come together: a paste of 48 KiB. */
export const workbenchKeysLengthMax = 64 * 1024;
