import skipFormatting from 'eslint-config-prettier/flat'
import vue from 'eslint-plugin-vue'
import accessibility from 'eslint-plugin-vuejs-accessibility'
import globals from 'globals'
import typescript from 'typescript-eslint'

/** A desk never imports another desk, and `ui/` knows neither desk nor server. */
const walls = [
  { folder: 'hq', closed: ['store', 'pos'] },
  { folder: 'store', closed: ['hq', 'pos'] },
  { folder: 'pos', closed: ['hq', 'store'] },
  { folder: 'api', closed: ['app', 'hq', 'store', 'pos', 'ui'] },
  { folder: 'ui', closed: ['api', 'app', 'hq', 'store', 'pos'] },
].map(({ folder, closed }) => ({
  files: [`src/${folder}/**/*.{ts,vue}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: closed.map((other) => ({
          regex: `(^@|\\.\\.)/${other}(/|$)`,
          message: `${folder}/ stays apart from ${other}/.`,
        })),
      },
    ],
  },
}))

export default typescript.config(
  { ignores: ['dist', 'e2e/results', 'src/api/generated', 'node_modules'] },
  typescript.configs.strictTypeChecked,
  ...vue.configs['flat/recommended'],
  ...accessibility.configs['flat/recommended'],
  {
    languageOptions: {
      parserOptions: {
        parser: typescript.parser,
        projectService: { allowDefaultProject: ['*.js', 'build/*.js', 'public/*.js'] },
        extraFileExtensions: ['.vue'],
        tsconfigRootDir: import.meta.dirname,
      },
      globals: { ...globals.browser },
    },
    rules: {
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/define-props-declaration': 'error',
      'vue/multi-word-component-names': 'off',
      'vue/no-bare-strings-in-template': 'error',
      'vue/no-v-html': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      // A label around or pointing at its control are both right.
      'vuejs-accessibility/label-has-for': ['error', { required: { some: ['nesting', 'id'] } }],
    },
  },
  {
    files: ['**/*.js'],
    ...typescript.configs.disableTypeChecked,
    languageOptions: { globals: { ...globals.node, ...globals.serviceworker, ...globals.browser } },
  },
  ...walls,
  skipFormatting,
)
