import type { TargetKind } from '../targets/target-kind.ts';
import type { AnswersReport } from '../training/report-input.ts';
import { multiSections } from './multi-sections.ts';
import { numberSections } from './number-sections.ts';
import type { RecipeWords } from './recipe-choice.ts';
import { singleSections } from './single-sections.ts';
import type { TargetSections } from './target-sections.ts';

/** What a target adds to the report of a head. */
export interface TargetReport {
  sections(input: AnswersReport): Promise<TargetSections>;
  /** The entropy of knowing nothing about so many labels. */
  guessingEntropy(labels: number): number;
  recipeWords: RecipeWords;
}

const likeliest: RecipeWords = {
  best: 'the held-out labels are likeliest',
  loss: 'Negative log likelihood',
  weights: 'Calibration: the weights of the logits',
};

export const targetReports: Readonly<Record<TargetKind, TargetReport>> = {
  single: { sections: singleSections, guessingEntropy: Math.log, recipeWords: likeliest },
  multi: {
    sections: multiSections,
    guessingEntropy: (labels) => labels * Math.LN2,
    recipeWords: likeliest,
  },
  regression: {
    sections: numberSections,
    guessingEntropy: Math.log,
    recipeWords: {
      best: 'the held-out numbers are met best',
      loss: 'Squared error',
      weights: 'Calibration: the weights of the answers, as deviations from the mean',
    },
  },
};
