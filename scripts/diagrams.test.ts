import { describe, expect, it } from 'vitest';
import { folderEdges, folderOf, importDiagram, registeredServices } from './diagrams';

describe('diagrams', () => {
  it('takes the area of src, each feature and the workers as folders', () => {
    expect(folderOf('src/engine/ops/rope.ts')).toBe('engine');
    expect(folderOf('src/features/export/zip.ts')).toBe('features/export');
    expect(folderOf('workers/data.worker.ts')).toBe('workers');
  });

  it('counts imports between folders and leaves out those within one and npm', () => {
    const edges = folderEdges([
      {
        source: 'src/app/a.ts',
        targets: ['src/core/b.ts', 'src/core/c.ts', 'src/app/d.ts', 'node_modules/x/y.js'],
      },
    ]);
    expect(importDiagram(edges)).toBe('graph LR\n  app["app"] -->|2| core["core"]');
  });

  it('names what a composition root registers, in order', () => {
    const source = [
      "const one = createToken<One>('one');",
      "export const two = createToken<() => Two>('second');",
      'container.registerValue(two, value);',
      'container.register(\n  one, () => new One());',
      'exporters.register("json", make);',
    ].join('\n');
    expect(registeredServices(source)).toEqual(['second', 'one']);
  });
});
