/** Reviews: their life as pure steps, who may decide, and how they are shown. See README.md. */
export {
  audienceOf,
  canBeDecided,
  type IneligibleCode,
  ineligible,
  ineligibleNow,
  isReviewer,
  mayBreakGlass,
  personOf,
  standingApprovals,
} from './eligibility.ts';
export { reviewErrors } from './errors.ts';
export { estimateOf, type ShownEstimate } from './estimate.ts';
export * as reviewLimits from './limits.ts';
export {
  advance,
  ask,
  breakGlass,
  type ClaimResult,
  claim,
  type DecisionInput,
  decide,
  estimated,
  isOver,
  nextAtMs,
  type Refusal,
  reasonProblem,
  type Step,
  type StepResult,
  withdraw,
} from './machine.ts';
export {
  type ChatButtons,
  chatActions,
  type ReviewMessageType,
  slackMessage,
  teamsCard,
  webhookPayload,
} from './messages.ts';
export {
  type Presentation,
  type PresentedLine,
  presentPlain,
  presentText,
  presentValue,
  type Span,
  type SpanKind,
} from './present.ts';
export { compileRequest, type RequestSpec, type RequestTerms } from './requestable.ts';
export * from './review.ts';
export {
  type ChatDirectory,
  type ChatReference,
  isSignedBy,
  OnceOnly,
  openReference,
  principalOfChat,
  type SlackRequest,
  sealReference,
  signatureHeader,
  verifySlack,
} from './sign.ts';
export { type AccessAsked, meaningView, reviewOfAccess, reviewOfCommand, viewOf } from './subject.ts';
