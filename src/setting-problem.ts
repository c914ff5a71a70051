/** What is wrong with the settings, one sentence a line, each naming its setting and the way to mend it. */
export class SettingProblem extends Error {
  override readonly name = 'SettingProblem'
}
