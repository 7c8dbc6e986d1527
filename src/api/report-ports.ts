/** What reports need besides what other ports give. */
export interface ReportsPort {
  /** Id of this gateway: the name of its journal. */
  readonly gateway: string;
  /** Of the key that signs checkpoints, PEM. */
  readonly publicKey: string;
}
