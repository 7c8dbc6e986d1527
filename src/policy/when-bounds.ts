/**
 * What a `when` may do and what it rests on, read from its syntax tree before it is type-checked.
 *
 * Invariant: an operation that is not listed is refused, so a newer version of the CEL library adds nothing by itself.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { quote } from './fields.ts';
import * as limits from './limits.ts';
import { structuralFields } from './when-context.ts';

export interface WhenInspection {
  /** Why it may not be used, or null. */
  readonly problem: string | null;
  /** It asks for what the analysis says. */
  readonly needsStructure: boolean;
  /** It asks for what only a request says. */
  readonly needsHttp: boolean;
  readonly needsKubernetes: boolean;
  /** It asks for what may differ between two commands with the same analysis and verb, or with time. */
  readonly isVolatile: boolean;
  /** Steps at worst. */
  readonly steps: number;
}

const variables = ['command', 'principal', 'resource', 'session', 'now'];
const loops = ['exists', 'all', 'exists_one', 'filter'];
/** Functions of text: what they cost grows with it. */
const textual = ['startsWith', 'endsWith', 'contains', 'lowerAscii', 'upperAscii', 'trim'];
const plain = ['size', 'int', 'double', 'string'];
/** What may be absent without anything being unknown, or where a rule may say so itself. */
const optional = [/^resource\.labels\.[^.]+$/, /^session\.client\.[^.]+$/, /^command\.rowEstimate$/];

class Refused extends Error {}

interface Weight {
  /** Steps at worst. */
  readonly cost: number;
  /** Entries of the list that it gives, at worst. */
  readonly entries: number;
}

class Inspection {
  needsStructure = false;
  needsHttp = false;
  needsKubernetes = false;
  isVolatile = false;

  weigh(node: ASTNode): Weight {
    switch (node.op) {
      case 'value':
        return one;
      case 'id':
        // A variable as a whole: whatever it holds.
        if (node.args === 'command') this.#command(null);
        if (['session', 'now', 'principal'].includes(node.args)) this.isVolatile = true;
        return one;
      case '.': {
        const [object, field] = node.args;
        if (object.op === 'id' && object.args === 'command') {
          this.#command(field);
          return one;
        }
        // The rest of a principal stays as it is while its rules are remembered; detections raise and end its risk.
        if (object.op === 'id' && object.args === 'principal') {
          if (field === 'risk') this.isVolatile = true;
          return this.#all([], 2);
        }
        return this.#all([object], 1);
      }
      case '[]':
        return this.#all(node.args, 1);
      case 'list':
        return { ...this.#all(node.args, 1), entries: node.args.length };
      case 'map':
        return this.#all(node.args.flat(), 1);
      case '?:':
      case '||':
      case '&&':
      case '==':
      case '!=':
      case '<':
      case '<=':
      case '>':
      case '>=':
      case '-':
      case '*':
      case '/':
      case '%':
        return this.#all(node.args, 1);
      case '+': {
        const [left, right] = node.args.map((part) => this.weigh(part)) as [Weight, Weight];
        const entries = left.entries + right.entries;
        return { cost: left.cost + right.cost + limits.whenTextCost + entries, entries };
      }
      case 'in': {
        const weight = this.#all(node.args, 1);
        return { cost: weight.cost + weight.entries, entries: 1 };
      }
      case '!_':
      case '-_':
        return this.#all([node.args], 1);
      case 'call':
        return this.#call(node.args[0], null, node.args[1]);
      case 'rcall':
        return this.#call(node.args[0], node.args[1], node.args[2]);
      default:
        throw new Refused(`it uses ${quote(node.op)}, which is not supported here`);
    }
  }

  #call(name: string, receiver: ASTNode | null, args: readonly ASTNode[]): Weight {
    if (name === 'has' && receiver === null) return this.#has(args);
    if (receiver !== null && loops.includes(name)) return this.#loop(receiver, args);
    if (textual.includes(name) || plain.includes(name)) {
      return this.#all(receiver === null ? args : [receiver, ...args], limits.whenTextCost);
    }
    if (name === 'matches') {
      throw new Refused(
        'it uses matches(); put the regular expression into match.commands.pattern, where time is bounded',
      );
    }
    throw new Refused(`it calls ${quote(name)}; there are ${[...loops, ...textual, ...plain, 'has'].join(', ')}`);
  }

  /** The type-checker does not look at what `has` asks for, and a mistyped field would be absent for ever. */
  #has(args: readonly ASTNode[]): Weight {
    const path = args[0] === undefined ? null : pathOf(args[0]);
    if (path === null || !optional.some((known) => known.test(path))) {
      throw new Refused(
        'has() is for resource.labels.…, session.client.… and command.rowEstimate; what else is absent is unknown',
      );
    }
    return this.#all(args, 1);
  }

  #loop(receiver: ASTNode, args: readonly ASTNode[]): Weight {
    const [variable, body] = args;
    if (variable?.op === 'id' && variables.includes(variable.args)) {
      throw new Refused(`${quote(variable.args)} is taken; give the loop another variable`);
    }
    const list = this.weigh(receiver);
    const inner = body === undefined ? one : this.weigh(body);
    return { cost: list.cost + list.entries * (inner.cost + 1), entries: list.entries };
  }

  #all(nodes: readonly ASTNode[], own: number): Weight {
    let cost = own;
    // Whatever is not a list literal may be the longest list there is.
    let entries = limits.whenListEntriesMax;
    for (const node of nodes) {
      const weight = this.weigh(node);
      cost += weight.cost;
      entries = Math.max(entries, weight.entries);
    }
    return { cost, entries };
  }

  #command(field: string | null): void {
    if (field === null || (structuralFields as readonly string[]).includes(field)) this.needsStructure = true;
    if (field === 'http') this.needsHttp = true;
    if (field === 'kubernetes') this.needsKubernetes = true;
    if (field === null || ['text', 'parameters', 'rowEstimate'].includes(field)) this.isVolatile = true;
  }
}

/** `resource.labels.env`, or null where it is anything but names and dots. */
function pathOf(node: ASTNode): string | null {
  if (node.op === 'id') return node.args;
  if (node.op !== '.') return null;
  const object = pathOf(node.args[0]);
  return object === null ? null : `${object}.${node.args[1]}`;
}

const one: Weight = { cost: 1, entries: limits.whenListEntriesMax };

export function inspectWhen(ast: ASTNode): WhenInspection {
  const inspection = new Inspection();
  let problem: string | null = null;
  let steps = 0;
  try {
    steps = inspection.weigh(ast).cost;
    if (steps > limits.whenCostMax) problem = 'this may take too many steps; nest fewer loops';
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    problem = error.message;
  }
  const { needsStructure, needsHttp, needsKubernetes, isVolatile } = inspection;
  return { problem, needsStructure, needsHttp, needsKubernetes, isVolatile, steps };
}
