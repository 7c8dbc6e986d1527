/** The part of `samlp` that tests use: the package has no types of its own. */
declare module 'samlp' {
  export interface ProfileMapper {
    getClaims(): Readonly<Record<string, string | readonly string[]>>;
    getNameIdentifier(): { readonly nameIdentifier: string; readonly nameIdentifierFormat: string };
  }

  type Handler = (request: unknown, response: unknown, next: (error?: unknown) => void) => void;
  type Options = Readonly<Record<string, unknown>>;

  const samlp: {
    auth(options: Options): Handler;
    logout(options: Options): Handler;
    metadata(options: Options): Handler;
    getSamlResponse(options: Options, user: unknown, callback: (error: Error | null, response: string) => void): void;
  };
  export default samlp;
}
