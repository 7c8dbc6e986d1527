/**
 * The name that the server gives a result column without AS: `FigureColname` of its `parse_target.c`. Names matter, since
 * outer queries refer to columns by them.
 */
import type { Fields, Json } from '../parser.ts';
import { namesOf, textOf, unwrap } from '../walk.ts';

/** The name of a ResTarget. */
export function labelOf(target: Fields): string {
  const name = target['name'];
  return typeof name === 'string' ? name : (figure(target['val']).name ?? '?column?');
}

interface Figure {
  readonly name: string | null;
  /** A name from the outside is better: a type's, or `case`. */
  readonly isWeak: boolean;
}

const unnamed: Figure = { name: null, isWeak: true };
const strong = (name: string): Figure => ({ name, isWeak: false });

function figure(node: Json | undefined): Figure {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return unnamed;
  for (const [type, fields] of Object.entries(node)) {
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields))
      return figureOf(type, fields as Fields);
  }
  return unnamed;
}

const fixed: Readonly<Record<string, string>> = {
  GroupingFunc: 'grouping',
  MergeSupportFunc: 'merge_action',
  A_ArrayExpr: 'array',
  RowExpr: 'row',
  CoalesceExpr: 'coalesce',
  XmlSerialize: 'xmlserialize',
  JsonParseExpr: 'json',
  JsonScalarExpr: 'json_scalar',
  JsonSerializeExpr: 'json_serialize',
  JsonObjectConstructor: 'json_object',
  JsonArrayConstructor: 'json_array',
  JsonArrayQueryConstructor: 'json_array',
  JsonObjectAgg: 'json_objectagg',
  JsonArrayAgg: 'json_arrayagg',
};

function figureOf(type: string, fields: Fields): Figure {
  const always = fixed[type];
  if (always !== undefined) return strong(always);
  switch (type) {
    case 'ColumnRef':
      return lastName(fields['fields']);
    case 'A_Indirection': {
      const field = lastName(fields['indirection']);
      return field.name === null ? figure(fields['arg']) : field;
    }
    case 'FuncCall':
      return strong(namesOf(fields['funcname']).at(-1) ?? '');
    case 'A_Expr':
      return fields['kind'] === 'AEXPR_NULLIF' ? strong('nullif') : unnamed;
    case 'TypeCast': {
      const inner = figure(fields['arg']);
      if (!inner.isWeak) return inner;
      const name = namesOf((fields['typeName'] as Fields | undefined)?.['names']).at(-1);
      return name === undefined ? inner : { name, isWeak: true };
    }
    case 'CollateClause':
      return figure(fields['arg']);
    case 'SubLink':
      return figureSubLink(fields);
    case 'CaseExpr': {
      const inner = figure(fields['defresult']);
      return inner.isWeak ? { name: 'case', isWeak: true } : inner;
    }
    case 'MinMaxExpr':
      return strong(fields['op'] === 'IS_LEAST' ? 'least' : 'greatest');
    case 'SQLValueFunction':
      return strong(
        textOf(fields['op'])
          .replace(/^SVFOP_/, '')
          .replace(/_N$/, '')
          .toLowerCase(),
      );
    case 'XmlExpr':
      return figureXml(textOf(fields['op']));
    case 'JsonFuncExpr':
      return strong(
        `json_${textOf(fields['op'])
          .replace(/^JSON_|_OP$/g, '')
          .toLowerCase()}`,
      );
    default:
      return unnamed;
  }
}

/** The last name in a list of names, stars and subscripts. */
function lastName(list: Json | undefined): Figure {
  const name = namesOf(list)
    .filter((one) => one !== '')
    .at(-1);
  return name === undefined ? unnamed : strong(name);
}

function figureSubLink(fields: Fields): Figure {
  switch (fields['subLinkType']) {
    case 'EXISTS_SUBLINK':
      return strong('exists');
    case 'ARRAY_SUBLINK':
      return strong('array');
    case 'EXPR_SUBLINK': {
      let select = unwrap(fields['subselect'], 'SelectStmt');
      while (select?.['larg'] !== undefined) select = select['larg'] as Fields;
      if (select?.['valuesLists'] !== undefined) return strong('column1');
      const list = select?.['targetList'];
      const target = Array.isArray(list) ? unwrap((list as readonly Json[])[0], 'ResTarget') : null;
      return target === null ? unnamed : strong(labelOf(target));
    }
    default:
      return unnamed;
  }
}

function figureXml(op: string): Figure {
  if (op === 'IS_DOCUMENT') return unnamed;
  const name = op.replace('IS_', '').toLowerCase();
  return strong(name);
}
