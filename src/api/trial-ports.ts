/** What trying things out takes, as interfaces; `gateway/compose` fulfils them. Nothing of it changes the configuration. */
import type { AccessChange, CommandExplanation, ConnectionTest, Manifest, ResourceManifest } from './contract/index.ts';

export interface ResourceTrial {
  readonly manifest: ResourceManifest;
  /** Secrets that stand in the manifest itself, by their path below `spec.credential`. */
  readonly secrets: ReadonlyMap<string, string>;
  /** False: the stored secret belongs to another address than this one, and stays where it is. */
  readonly mayLogIn: boolean;
  readonly principal: string;
  readonly signal: AbortSignal;
}

export interface TrialsPort {
  /** As `Explainer.explain`, with all objects as they would stand. */
  explain(
    objects: readonly Manifest[],
    request: { readonly principal: string; readonly resource: string; readonly command: string },
  ): Promise<CommandExplanation>;
  /** Who would reach what with all objects as they would stand, against now. */
  reach(objects: readonly Manifest[], signal: AbortSignal): Promise<AccessChange>;
  test(trial: ResourceTrial): Promise<ConnectionTest>;
  authority(): Promise<{ readonly certificate: string; readonly needed: boolean }>;
}
