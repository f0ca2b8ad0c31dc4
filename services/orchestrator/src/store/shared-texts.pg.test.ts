import { describeSharedTexts } from "../testing/describe-shared-texts.ts";

describeSharedTexts("rows of PostgreSQL");
