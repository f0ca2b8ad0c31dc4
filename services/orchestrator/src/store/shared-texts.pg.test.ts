import { describeSharedTexts } from "../testing/describe-shared-texts.ts";
import "../testing/use-postgres.ts";

describeSharedTexts("rows of PostgreSQL");
