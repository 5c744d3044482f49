// parse.cjs FOLDER: reads a LookML project by lookml-parser, which follows includes as Looker does, and tells what it can't read.
const path = require('path')
const { parseFiles } = require('lookml-parser')

async function main (folder) {
  const project = await parseFiles({ cwd: path.resolve(folder), source: '**/{*.model.lkml,manifest.lkml,*.view.lkml}', fileOutput: 'by-name', globOptions: {} })
  const errors = [...(project.errors || []), ...(project.errorReport || [])]
  for (const error of errors) console.error(JSON.stringify(error.$file_path || error), error.message || error.exception || '')
  const model = (project.model || {}).whatif
  if (errors.length || !model) { console.error('looker: the project has no model whatif, or mistakes'); process.exit(1) }
  const explores = Object.keys(model.explore)
  const missing = explores.filter(name => !model.view[name] && !model.view[model.explore[name].view_name])
  if (explores.length < 10 || missing.length) { console.error('looker: explores without a view: ' + missing); process.exit(1) }
  console.log(`looker: a second parser reads the same: ${explores.length} explores, all of views that the model includes`)
}

main(process.argv[2]).catch(error => { console.error(error); process.exit(1) })
