

import datetime
import django.core.validators
import django.db.models.deletion
import simple_history.models
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('engagements', '0003_divisions_themes'),
        ('reporting', '0054_audits'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalSurvey',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('created_at', models.DateTimeField(blank=True, editable=False, verbose_name='created')),
                ('updated_at', models.DateTimeField(blank=True, editable=False, verbose_name='updated')),
                ('is_demo', models.BooleanField(default=False, editable=False, verbose_name='demo data')),
                ('use', models.CharField(choices=[('satisfaction', 'Satisfaction of Member States'), ('knowledge', 'Knowledge before and after a meeting'), ('grcp', 'Feedback on the GRCP'), ('needs', 'Needs of offices'), ('institutional', 'Institutional questionnaire')], max_length=20, verbose_name='use')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('title_fr', models.CharField(blank=True, max_length=200, verbose_name='title in French')),
                ('title_es', models.CharField(blank=True, max_length=200, verbose_name='title in Spanish')),
                ('intro', models.TextField(blank=True, max_length=2000, verbose_name='introduction')),
                ('intro_fr', models.TextField(blank=True, max_length=2000, verbose_name='introduction in French')),
                ('intro_es', models.TextField(blank=True, max_length=2000, verbose_name='introduction in Spanish')),
                ('support_kind', models.CharField(blank=True, choices=[('administrative', 'Administrative'), ('technical', 'Technical'), ('logistical', 'Logistical'), ('liaison', 'Liaison')], max_length=20, verbose_name='kind of support')),
                ('opens_on', models.DateField(verbose_name='first day')),
                ('closes_on', models.DateField(verbose_name='last day')),
                ('remind_days', models.PositiveSmallIntegerField(blank=True, default=3, null=True, validators=[django.core.validators.MaxValueValidator(60)], verbose_name='reminder, days before the last one')),
                ('asks_state', models.BooleanField(default=False, verbose_name='ask which State the answer speaks for')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('running', 'Running'), ('closed', 'Closed')], default='draft', max_length=10, verbose_name='state')),
                ('closed_on', models.DateField(editable=False, null=True)),
                ('revision', models.PositiveIntegerField(default=0, editable=False)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('event', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='engagements.event', verbose_name='event')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('iscm', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='engagements.iscm', verbose_name='mechanism')),
            ],
            options={
                'verbose_name': 'historical survey',
                'verbose_name_plural': 'historical surveys',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Survey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated')),
                ('is_demo', models.BooleanField(default=False, editable=False, verbose_name='demo data')),
                ('use', models.CharField(choices=[('satisfaction', 'Satisfaction of Member States'), ('knowledge', 'Knowledge before and after a meeting'), ('grcp', 'Feedback on the GRCP'), ('needs', 'Needs of offices'), ('institutional', 'Institutional questionnaire')], max_length=20, verbose_name='use')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('title_fr', models.CharField(blank=True, max_length=200, verbose_name='title in French')),
                ('title_es', models.CharField(blank=True, max_length=200, verbose_name='title in Spanish')),
                ('intro', models.TextField(blank=True, max_length=2000, verbose_name='introduction')),
                ('intro_fr', models.TextField(blank=True, max_length=2000, verbose_name='introduction in French')),
                ('intro_es', models.TextField(blank=True, max_length=2000, verbose_name='introduction in Spanish')),
                ('support_kind', models.CharField(blank=True, choices=[('administrative', 'Administrative'), ('technical', 'Technical'), ('logistical', 'Logistical'), ('liaison', 'Liaison')], max_length=20, verbose_name='kind of support')),
                ('opens_on', models.DateField(verbose_name='first day')),
                ('closes_on', models.DateField(verbose_name='last day')),
                ('remind_days', models.PositiveSmallIntegerField(blank=True, default=3, null=True, validators=[django.core.validators.MaxValueValidator(60)], verbose_name='reminder, days before the last one')),
                ('asks_state', models.BooleanField(default=False, verbose_name='ask which State the answer speaks for')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('running', 'Running'), ('closed', 'Closed')], default='draft', max_length=10, verbose_name='state')),
                ('closed_on', models.DateField(editable=False, null=True)),
                ('revision', models.PositiveIntegerField(default=0, editable=False)),
                ('event', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.event', verbose_name='event')),
                ('iscm', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.iscm', verbose_name='mechanism')),
            ],
            options={
                'verbose_name': 'survey',
                'verbose_name_plural': 'surveys',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Question',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated')),
                ('is_demo', models.BooleanField(default=False, editable=False, verbose_name='demo data')),
                ('position', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('kind', models.CharField(choices=[('scale', 'Scale from 1 to 5'), ('score', 'Score from 0 to 100'), ('single', 'One of several choices'), ('several', 'Any of several choices'), ('text', 'Free text')], max_length=10, verbose_name='kind of answer')),
                ('text', models.TextField(max_length=1000, verbose_name='question')),
                ('text_fr', models.TextField(blank=True, max_length=1000, verbose_name='question in French')),
                ('text_es', models.TextField(blank=True, max_length=1000, verbose_name='question in Spanish')),
                ('options', models.TextField(blank=True, max_length=4000, verbose_name='choices, one a line')),
                ('options_fr', models.TextField(blank=True, max_length=4000, verbose_name='choices in French')),
                ('options_es', models.TextField(blank=True, max_length=4000, verbose_name='choices in Spanish')),
                ('right_option', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='right choice')),
                ('is_required', models.BooleanField(default=False, verbose_name='has to be answered')),
                ('counts_as', models.CharField(blank=True, choices=[('satisfaction', 'Satisfaction (a scale)'), ('knowledge', 'Knowledge (a score, or a choice with a right answer)'), ('need', 'A need (choices)'), ('quality', 'Quality of results (a scale)')], max_length=20, verbose_name='counts as')),
                ('survey', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='questions', to='reporting.survey')),
            ],
            options={
                'verbose_name': 'question',
                'verbose_name_plural': 'questions',
                'ordering': ['position', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalQuestion',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('created_at', models.DateTimeField(blank=True, editable=False, verbose_name='created')),
                ('updated_at', models.DateTimeField(blank=True, editable=False, verbose_name='updated')),
                ('is_demo', models.BooleanField(default=False, editable=False, verbose_name='demo data')),
                ('position', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('kind', models.CharField(choices=[('scale', 'Scale from 1 to 5'), ('score', 'Score from 0 to 100'), ('single', 'One of several choices'), ('several', 'Any of several choices'), ('text', 'Free text')], max_length=10, verbose_name='kind of answer')),
                ('text', models.TextField(max_length=1000, verbose_name='question')),
                ('text_fr', models.TextField(blank=True, max_length=1000, verbose_name='question in French')),
                ('text_es', models.TextField(blank=True, max_length=1000, verbose_name='question in Spanish')),
                ('options', models.TextField(blank=True, max_length=4000, verbose_name='choices, one a line')),
                ('options_fr', models.TextField(blank=True, max_length=4000, verbose_name='choices in French')),
                ('options_es', models.TextField(blank=True, max_length=4000, verbose_name='choices in Spanish')),
                ('right_option', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='right choice')),
                ('is_required', models.BooleanField(default=False, verbose_name='has to be answered')),
                ('counts_as', models.CharField(blank=True, choices=[('satisfaction', 'Satisfaction (a scale)'), ('knowledge', 'Knowledge (a score, or a choice with a right answer)'), ('need', 'A need (choices)'), ('quality', 'Quality of results (a scale)')], max_length=20, verbose_name='counts as')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('survey', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reporting.survey')),
            ],
            options={
                'verbose_name': 'historical question',
                'verbose_name_plural': 'historical questions',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='SurveyLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('batch', models.UUIDField(db_index=True, default=uuid.uuid4, editable=False)),
                ('is_single', models.BooleanField(default=True, verbose_name='single use')),
                ('is_for_users', models.BooleanField(default=False)),
                ('phase', models.CharField(blank=True, choices=[('before', 'Before the meeting'), ('after', 'After the meeting')], max_length=10)),
                ('language', models.CharField(choices=[('en-gb', 'English'), ('fr', 'Français'), ('es', 'Español')], default='en-gb', max_length=10)),
                ('email', models.EmailField(blank=True, max_length=254)),
                ('is_used', models.BooleanField(default=False)),
                ('made_on', models.DateField()),
                ('country', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.country')),
                ('office', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.office')),
                ('survey', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='links', to='reporting.survey')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='SurveyNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stage', models.CharField(choices=[('invitation', 'Invitation'), ('reminder', 'Reminder')], max_length=12)),
                ('due_on', models.DateField()),
                ('sent_on', models.DateField(null=True)),
                ('last_error', models.CharField(blank=True, max_length=80)),
                ('link', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='reporting.surveylink')),
                ('recipient', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('survey', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='reporting.survey')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='SurveyResponse',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('phase', models.CharField(blank=True, choices=[('before', 'Before the meeting'), ('after', 'After the meeting')], max_length=10)),
                ('region', models.CharField(blank=True, max_length=40)),
                ('answered_on', models.DateField()),
                ('code', models.CharField(blank=True, max_length=40)),
                ('is_demo', models.BooleanField(default=False)),
                ('country', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.country')),
                ('office', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.office')),
                ('survey', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='responses', to='reporting.survey')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='SurveyAnswer',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveSmallIntegerField(null=True)),
                ('text', models.TextField(blank=True)),
                ('question', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='reporting.question')),
                ('response', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='answers', to='reporting.surveyresponse')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='SurveyToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('link', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='reporting.surveylink')),
            ],
        ),
        migrations.AddConstraint(
            model_name='survey',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('opens_on__isnull', True), ('opens_on__range', (datetime.date(1951, 1, 1), datetime.date(2100, 12, 31))), _connector='OR'), models.Q(('closes_on__isnull', True), ('closes_on__range', (datetime.date(1951, 1, 1), datetime.date(2100, 12, 31))), _connector='OR')), name='survey_dates_plausible', violation_error_message='A date lies before 1951 or after 2100.'),
        ),
        migrations.AddConstraint(
            model_name='survey',
            constraint=models.CheckConstraint(condition=models.Q(('opens_on__lte', models.F('closes_on'))), name='survey_dates_in_order', violation_error_message='The last day is before the first one.'),
        ),
        migrations.AddConstraint(
            model_name='survey',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('use', 'knowledge'), _negated=True), ('event__isnull', False), _connector='OR'), name='survey_on_knowledge_has_an_event', violation_error_message='Knowledge is asked before and after an event: name it.'),
        ),
        migrations.AddConstraint(
            model_name='survey',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'closed'), _negated=True), ('closed_on__isnull', False), _connector='OR'), name='survey_closed_says_when'),
        ),
        migrations.AddConstraint(
            model_name='survey',
            constraint=models.UniqueConstraint(condition=models.Q(('use', 'knowledge'), models.Q(('state', 'draft'), _negated=True)), fields=('event',), name='survey_on_knowledge_once_an_event', violation_error_message='There is a survey on knowledge of this event already.'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('counts_as__in', ['satisfaction', 'quality']), _negated=True), ('kind', 'scale'), _connector='OR'), name='question_counted_on_a_scale', violation_error_message='Satisfaction and quality are asked on a scale.'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('counts_as', 'knowledge'), _negated=True), models.Q(('is_required', True), ('kind', 'score')), models.Q(('is_required', True), ('kind', 'single'), ('right_option__isnull', False)), _connector='OR'), name='question_of_knowledge_has_a_score', violation_error_message='Knowledge needs a score, or a choice with a right answer; and an answer.'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('counts_as', 'need'), _negated=True), ('kind__in', ['single', 'several']), _connector='OR'), name='question_of_needs_has_choices', violation_error_message='Needs are choices.'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.UniqueConstraint(condition=models.Q(('counts_as__in', ['satisfaction', 'quality'])), fields=('survey', 'counts_as'), name='question_counts_once_a_survey', violation_error_message='Another question of the survey counts as that.'),
        ),
        migrations.AddConstraint(
            model_name='surveylink',
            constraint=models.CheckConstraint(condition=models.Q(('is_used', False), ('is_single', True), _connector='OR'), name='surveylink_used_is_single'),
        ),
        migrations.AddConstraint(
            model_name='surveylink',
            constraint=models.UniqueConstraint(condition=models.Q(('is_for_users', True)), fields=('survey', 'office'), name='surveylink_for_users_once_an_office'),
        ),
        migrations.AddIndex(
            model_name='surveynotice',
            index=models.Index(condition=models.Q(('sent_on__isnull', True)), fields=['id'], name='surveynotice_unsent'),
        ),
        migrations.AddConstraint(
            model_name='surveynotice',
            constraint=models.UniqueConstraint(condition=models.Q(('recipient__isnull', True)), fields=('link', 'stage'), name='surveynotice_once_a_link'),
        ),
        migrations.AddConstraint(
            model_name='surveynotice',
            constraint=models.UniqueConstraint(condition=models.Q(('recipient__isnull', False)), fields=('link', 'stage', 'recipient'), name='surveynotice_once_a_person'),
        ),
        migrations.AddConstraint(
            model_name='surveyresponse',
            constraint=models.UniqueConstraint(condition=models.Q(('code', ''), _negated=True), fields=('survey', 'phase', 'code'), name='surveyresponse_once_a_code'),
        ),
        migrations.AddConstraint(
            model_name='surveyresponse',
            constraint=models.CheckConstraint(condition=models.Q(('answered_on__isnull', True), ('answered_on__range', (datetime.date(1951, 1, 1), datetime.date(2100, 12, 31))), _connector='OR'), name='surveyresponse_date_plausible', violation_error_message='A date lies before 1951 or after 2100.'),
        ),
        migrations.AddConstraint(
            model_name='surveyanswer',
            constraint=models.UniqueConstraint(fields=('response', 'question', 'number'), name='surveyanswer_once'),
        ),
        migrations.AddConstraint(
            model_name='surveyanswer',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('number__isnull', False), ('text', '')), models.Q(('number__isnull', True), models.Q(('text', ''), _negated=True)), _connector='OR'), name='surveyanswer_number_or_text'),
        ),
    ]
